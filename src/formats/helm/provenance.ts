import { readFile } from "node:fs/promises";
import path from "node:path";
import { readHandle } from "../../lib/files/read-handle.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import type { PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { chartFileName, helmYaml, identifyChart } from "./identity.ts";
import { limits } from "../../lib/limits.ts";
import { openBeside, placeOf } from "../read-neighbour.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import { isYamlMapping, parseYamlMapping } from "../manifests/yaml.ts";

/**
 * Reads a provenance file as `helm package --sign` makes it: a clear-signed message with the chart's `Chart.yaml`, a
 * line `...`, and the hash of the chart file. The signature is not checked: that needs the public key.
 */
export async function readProvenance(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  if (file.size > limits.manifest) throw beyondLimit("manifest", "it has");
  const { chart, files } = splitMessage((await readFile(file.path)).toString("utf8"));
  const warnings: string[] = [];
  const identity = identifyChart(parseYamlMapping(Buffer.from(chart), "Chart.yaml", helmYaml), "provenance", warnings);
  const { chartFile, sha256 } = readFiles(files);
  const expected = chartFileName(identity.name, identity.version);
  if (chartFile !== expected)
    warnings.push(`it vouches for "${chartFile}", but by its Chart.yaml the chart is ${expected}`);
  if (file.name !== `${expected}.prov`)
    warnings.push(`the file is called "${file.name}", but by its Chart.yaml it is ${expected}.prov`);
  await checkNeighbour(file, sha256, options?.signal);
  return { ...identity, metadata: { ...identity.metadata, chartSha256: sha256 } };
}

/** RFC 4880, section 7: headers, an empty line, the text with hyphens escaped, the signature. */
function splitMessage(text: string): { chart: string; files: string } {
  const lines = text.split(/\r?\n/);
  const begin = lines.indexOf("-----BEGIN PGP SIGNED MESSAGE-----");
  const signature = lines.indexOf("-----BEGIN PGP SIGNATURE-----");
  const end = lines.indexOf("-----END PGP SIGNATURE-----");
  if (begin !== 0 || signature < 0 || end < signature) throw invalid("it is not a clear-signed PGP message");
  if (
    lines.lastIndexOf("-----BEGIN PGP SIGNED MESSAGE-----") !== begin ||
    lines.slice(end + 1).some((line) => line.trim() !== "")
  )
    throw invalid("it holds more than one signed message");
  const body = lines.slice(lines.indexOf("", begin) + 1, signature).map((line) => line.replace(/^- /, ""));
  const middle = body.indexOf("...");
  if (middle < 0) throw invalid('it has no line "..." between the chart and the hashes');
  return { chart: body.slice(0, middle).join("\n"), files: body.slice(middle + 1).join("\n") };
}

/** The list `files:`, which has only the chart. */
function readFiles(text: string): { chartFile: string; sha256: string } {
  const { files } = parseYamlMapping(Buffer.from(text), "list of hashes");
  const entries = isYamlMapping(files) ? Object.entries(files) : [];
  const [chartFile, hash] = entries[0] ?? [];
  if (entries.length !== 1 || chartFile === undefined) throw invalid(`it vouches for ${entries.length} files, not one`);
  const sha256 = typeof hash === "string" ? /^sha256:([0-9a-f]{64})$/i.exec(hash)?.[1] : undefined;
  if (sha256 === undefined) throw invalid(`it has no sha256 of "${chartFile}"`);
  return { chartFile, sha256: sha256.toLowerCase() };
}

/** Rejects a provenance file whose hash does not match the chart beside it. */
async function checkNeighbour(file: PackageFile, expected: string, signal: AbortSignal | undefined): Promise<void> {
  const place = placeOf(file);
  const chart = path.join(path.dirname(place.path), file.name.replace(/\.prov$/i, ""));
  const opened = await openBeside(place, chart);
  if (opened === undefined) return;
  await using handle = opened.handle;
  const { sha256 } = await hashStream(readHandle(handle, signal));
  if (sha256 !== expected)
    throw invalid(`it vouches for other bytes than those of "${path.basename(chart)}" beside it`);
}
