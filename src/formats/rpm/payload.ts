import type { CheckedPart, StatedHash } from "../containers/part-check.ts";
import type { FileReader } from "../containers/open-reader.ts";
import { containerOf } from "../containers/sniff.ts";
import { readRpmHeaders, type RpmHeaders } from "./headers.ts";
import { tags } from "./tags.ts";

/** The numbers of OpenPGP for hash algorithms (RFC 9580, section 9.5), which rpm uses. */
const algorithms: Record<number, string | undefined> = {
  1: "md5",
  2: "sha1",
  8: "sha256",
  9: "sha384",
  10: "sha512",
  11: "sha224",
};

/**
 * The payload of an RPM package, with the hashes of its compressed bytes in the headers. Packages of rpm 4.14 and later
 * have one of the payload, older ones an MD5 of main header and payload. Without a hash, compressed data is unpacked.
 */
export async function findRpmPayload(reader: FileReader): Promise<CheckedPart[]> {
  const headers = await readRpmHeaders(reader, []);
  const { start, end: payload } = headers.main;
  const end = reader.size;
  const hashes = await statedHashes(headers);
  if (hashes.length > 0) return [{ hashed: { name: "payload", start, end, hashes } }];
  const packing = containerOf(await reader.read(payload, 512));
  const range = { name: "payload", start: payload, end };
  if (packing === "gzip" || packing === "bzip2" || packing === "xz" || packing === "zstd")
    return [{ packed: { ...range, packing } }];
  return [{ unreadable: range }];
}

async function statedHashes({ signature, main }: RpmHeaders): Promise<StatedHash[]> {
  const [hex] = (await main.texts(tags.payloadHash)) ?? [];
  const [number = 8] = (await main.numbers(tags.payloadHashAlgorithm)) ?? [];
  const algorithm = algorithms[number];
  const md5 = await signature.bytes(tags.signature.md5);
  return [
    ...(hex !== undefined && algorithm !== undefined ? [{ algorithm, start: main.end, hex: hex.toLowerCase() }] : []),
    ...(md5 === undefined ? [] : [{ algorithm: "md5", start: main.start, hex: md5.toString("hex") }]),
  ];
}
