import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createByteReader } from "../../lib/bytes/byte-reader.ts";
import { decompress } from "../containers/decompress.ts";
import { createPartChecker } from "../containers/part-check.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import { tarEntries, type PackageTarEntry } from "../containers/tar.ts";
import { isYamlMapping, parseYamlMapping } from "../manifests/yaml.ts";

const members = ["metadata.gz", "metadata", "data.tar.gz", "checksums.yaml.gz"];
const algorithms = ["sha512", "sha256", "sha1"];

export interface GemArchive {
  /** The specification, as YAML. */
  metadata: Buffer;
  signed: boolean;
}

/** Reads the specification of a gem. Rejects repeated and foreign parts, and checksums that do not match. */
export async function readGemArchive(file: PackageFile, options: ReadOptions = {}): Promise<GemArchive> {
  const source = createReadStream(file.path, { ...(options.signal && { signal: options.signal }) });
  const hashes = new Map<string, Record<string, string>>();
  const bodies = new Map<string, Buffer>();
  let signed = false;
  // without the part that comes last, the checksums, a gem looks like an old one
  for await (const entry of tarEntries(source as AsyncIterable<Buffer>, { needsEnd: true })) {
    const { name } = entry;
    const isSignature = name.endsWith(".sig") && members.includes(name.slice(0, -".sig".length));
    if (!isSignature && !members.includes(name)) throw invalid(`it holds "${name}", which is not part of a gem`);
    if (entry.type !== "file") throw invalid(`its ${name} is not a file but a ${entry.type}`);
    if (hashes.has(name)) throw invalid(`it holds ${name} twice`);
    signed ||= isSignature;
    const keep = !isSignature && name !== "data.tar.gz";
    if (keep && entry.size > limits.manifest) throw beyondLimit("manifest", `its ${name} has`);
    const { body, digests } = await readBody(entry, keep);
    hashes.set(name, digests);
    if (keep) bodies.set(name, body);
  }
  if (!hashes.has("data.tar.gz")) throw invalid("it has no data.tar.gz");
  const checked = await checkChecksums(bodies.get("checksums.yaml.gz"), hashes);
  if (!checked.has("data.tar.gz")) await requireWholeData(file, options);
  return { metadata: await readMetadata(bodies), signed };
}

async function readBody(entry: PackageTarEntry, keep: boolean) {
  const running = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }));
  const chunks: Buffer[] = [];
  for await (const chunk of entry.chunks()) {
    for (const { hash } of running) hash.update(chunk);
    if (keep) chunks.push(chunk);
  }
  const digests = Object.fromEntries(running.map(({ algorithm, hash }) => [algorithm, hash.digest("hex")]));
  return { body: Buffer.concat(chunks), digests };
}

async function readMetadata(bodies: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const packed = bodies.get("metadata.gz");
  const plain = bodies.get("metadata");
  if (packed !== undefined && plain !== undefined) throw invalid("it has both metadata.gz and metadata");
  if (packed !== undefined) return decompress("gzip", packed, { what: "its metadata.gz", limit: "manifest" });
  if (plain === undefined) throw invalid("it has no metadata.gz");
  return plain;
}

/** Unpacks the data to its end, as RubyGems does: in an old gem its own checksum is the only proof. */
async function requireWholeData(file: PackageFile, { signal }: ReadOptions): Promise<void> {
  const source = createReadStream(file.path, { ...(signal && { signal }) });
  for await (const { name, size, chunks } of tarEntries(source as AsyncIterable<Buffer>)) {
    if (name !== "data.tar.gz") continue;
    await createPartChecker().check(createByteReader(chunks()), {
      packed: { name, start: 0, end: size, packing: "gzip" },
    });
  }
}

/**
 * Gems have checksums of two algorithms since RubyGems 2, and none before. Returns the names of the parts that match
 * one.
 */
async function checkChecksums(
  packed: Buffer | undefined,
  hashes: ReadonlyMap<string, Record<string, string>>,
): Promise<Set<string>> {
  const checked = new Set<string>();
  if (packed === undefined) return checked;
  const content = await decompress("gzip", packed, { what: "its checksums.yaml.gz", limit: "manifest" });
  const checksums = parseYamlMapping(content, "checksums.yaml");
  for (const [algorithm, byName] of Object.entries(checksums)) {
    if (!isYamlMapping(byName)) continue;
    for (const [name, expected] of Object.entries(byName)) {
      const actual = hashes.get(name)?.[algorithm.toLowerCase()];
      if (actual !== undefined && actual !== expected)
        throw invalid(`the ${algorithm} of its ${name} does not match its checksums`);
      if (actual !== undefined) checked.add(name);
    }
  }
  return checked;
}
