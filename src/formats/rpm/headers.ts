import { invalid } from "../read-package.ts";
import type { FileReader } from "../containers/open-reader.ts";
import { readRpmHeader, type RpmHeader } from "./header.ts";

const LEAD = 96;

export interface RpmHeaders {
  signature: RpmHeader;
  main: RpmHeader;
}

/** Reads the headers of a package, after its obsolete lead. */
export async function readRpmHeaders(reader: FileReader, warnings: string[]): Promise<RpmHeaders> {
  const lead = await reader.read(0, LEAD);
  if (lead.length < LEAD) throw invalid("the file ends inside its lead");
  if (lead[4]! < 3) throw invalid(`it has version ${lead[4]} of the package format; only 3 and later are supported`);
  const signature = await readRpmHeader(reader, LEAD, "signature header", warnings);
  const main = await readRpmHeader(reader, signature.end + ((8 - (signature.end % 8)) % 8), "header", warnings);
  return { signature, main };
}
