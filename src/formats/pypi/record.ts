import { createHash, getHashes } from "node:crypto";
import { decodeText } from "../manifests/decode-text.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid } from "../read-package.ts";

/** A file that is read here anyway. */
export interface ReadMember {
  path: string;
  bytes: Buffer;
}

/**
 * Holds a wheel against the RECORD inside: it has to list what says who the wheel is, with the hash that it has. Hashes
 * of other files are left to installers, which unpack them; names that only one of the two has are a warning, because
 * builders of every age have left some out.
 */
export function checkRecord(
  bytes: Buffer,
  { members, names, directory }: { members: readonly ReadMember[]; names: ReadonlySet<string>; directory: string },
  warnings: string[],
): void {
  const record = readRecord(decodeText(bytes, "RECORD", warnings));
  for (const member of members) checkMember(record, member, warnings);
  // nothing can hold the hash of itself, or of its own signature
  const exempt = new Set(["RECORD", "RECORD.jws", "RECORD.p7s"].map((name) => `${directory}/${name}`));
  tell(
    "does not list",
    "it has",
    [...names].filter((name) => !record.has(name) && !exempt.has(name)),
  );
  tell(
    "lists",
    "it does not have",
    [...record.keys()].filter((name) => !names.has(name) && !exempt.has(name)),
  );

  function tell(verb: string, which: string, files: string[]): void {
    if (files.length === 0) return;
    const count = files.length === 1 ? "a file" : `${files.length} files`;
    warnings.push(`its RECORD ${verb} ${count} that ${which}: ${quoted(files[0]!)}${files.length > 1 ? ", ..." : ""}`);
  }
}

function checkMember(record: ReadonlyMap<string, string>, { path, bytes }: ReadMember, warnings: string[]): void {
  const said = record.get(path);
  if (said === undefined) throw invalid(`its RECORD does not list "${path}"`);
  const [, algorithm, digest] = /^([A-Za-z0-9_]+)=([A-Za-z0-9_-]+)=*$/.exec(said) ?? [];
  if (algorithm === undefined || !getHashes().includes(algorithm.toLowerCase())) {
    const what = said === "" ? "no hash" : `no hash that can be checked (${quoted(said)})`;
    warnings.push(`its RECORD has ${what} of ${quoted(path)}`);
  } else if (createHash(algorithm.toLowerCase()).update(bytes).digest("base64url") !== digest) {
    throw invalid(`its "${path}" has not the ${algorithm} that its RECORD says`);
  }
}

/** Lines of `path,hash,size` with quotes as in CSV; the hash by its path, which tools of Windows write with backslashes. */
function readRecord(text: string): Map<string, string> {
  const record = new Map<string, string>();
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.length > MAX_LINE) throw invalid(`its RECORD has a line longer than ${MAX_LINE} characters`);
    const [, quotedPath, plainPath, hash = ""] = LINE.exec(line) ?? [];
    const path = (quotedPath?.replaceAll('""', '"') ?? plainPath ?? "").replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
    if (path === "") continue;
    const before = record.get(path);
    if (before !== undefined && before !== hash)
      throw invalid(`its RECORD lists ${quoted(path)} twice, with two hashes`);
    record.set(path, hash);
  }
  return record;
}

const MAX_LINE = 8192;
const LINE = /^\uFEFF?(?:"((?:[^"]|"")*)"|([^",]*))(?:,"?([^",]*))?/;
