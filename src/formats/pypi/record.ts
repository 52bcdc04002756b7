import { createHash, getHashes } from "node:crypto";
import { decodeText } from "../manifests/decode-text.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid } from "../read-package.ts";

/** A file of the wheel that was read. */
export interface ReadMember {
  path: string;
  bytes: Buffer;
}

/**
 * Checks a wheel against its RECORD, which must list the files that have the identity, with their hashes. The hashes of
 * other files are left to installers, which unpack them. A name that only the RECORD or only the archive has adds a
 * warning, because many builders leave some out.
 */
export function checkRecord(
  bytes: Buffer,
  { members, names, directory }: { members: readonly ReadMember[]; names: ReadonlySet<string>; directory: string },
  warnings: string[],
): void {
  const record = readRecord(decodeText(bytes, "RECORD", warnings));
  for (const member of members) checkMember(record, member, warnings);
  // a file cannot contain its own hash, or that of its signature
  const exempt = new Set(["RECORD", "RECORD.jws", "RECORD.p7s"].map((name) => `${directory}/${name}`));
  warn(
    "does not list",
    "it has",
    [...names].filter((name) => !record.has(name) && !exempt.has(name)),
  );
  warn(
    "lists",
    "it does not have",
    [...record.keys()].filter((name) => !names.has(name) && !exempt.has(name)),
  );

  function warn(verb: string, which: string, files: string[]): void {
    if (files.length === 0) return;
    const count = files.length === 1 ? "a file" : `${files.length} files`;
    warnings.push(`its RECORD ${verb} ${count} that ${which}: ${quoted(files[0]!)}${files.length > 1 ? ", ..." : ""}`);
  }
}

function checkMember(record: ReadonlyMap<string, string>, { path, bytes }: ReadMember, warnings: string[]): void {
  const entry = record.get(path);
  if (entry === undefined) throw invalid(`its RECORD does not list "${path}"`);
  const [, algorithm, digest] = /^([A-Za-z0-9_]+)=([A-Za-z0-9_-]+)=*$/.exec(entry) ?? [];
  if (algorithm === undefined || !getHashes().includes(algorithm.toLowerCase())) {
    const what = entry === "" ? "no hash" : `no hash that can be checked (${quoted(entry)})`;
    warnings.push(`its RECORD has ${what} of ${quoted(path)}`);
  } else if (createHash(algorithm.toLowerCase()).update(bytes).digest("base64url") !== digest) {
    throw invalid(`the ${algorithm} of "${path}" does not match its RECORD`);
  }
}

/** Parses lines `path,hash,size`, quoted as in CSV, into hashes by path. Windows tools write paths with backslashes. */
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
