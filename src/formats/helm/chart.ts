import type { TarEntry } from "../../lib/tar/read.ts";
import type { PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { gunzipFile } from "../containers/gzip.ts";
import { chartFileName, helmYaml, identifyChart } from "./identity.ts";
import { limits } from "../../lib/limits.ts";
import { invalid } from "../read-package.ts";
import { guessTarContents } from "../name-the-type.ts";
import { expectContainer } from "../containers/sniff.ts";
import { tarEntries } from "../containers/tar.ts";
import { parseYamlMapping } from "../manifests/yaml.ts";

/** A chart as `helm package` makes it. */
export async function readChart(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "gzip");
  const { directory, manifest, requirements } = await findManifests(file, options);
  const warnings: string[] = [];
  const chart = parseYamlMapping(manifest, "Chart.yaml", helmYaml);
  // Charts with apiVersion v1 have their dependencies in this file.
  if (requirements !== undefined && chart["dependencies"] === undefined) {
    const { dependencies } = parseYamlMapping(requirements, "requirements.yaml", helmYaml);
    if (dependencies !== undefined) chart["dependencies"] = dependencies;
  }
  if (chart["apiVersion"] === undefined)
    warnings.push('its Chart.yaml has no "apiVersion", without which Helm refuses it');
  const identity = identifyChart(chart, "chart", warnings);
  if (directory !== identity.name)
    warnings.push(`its directory is called "${directory}", but by its Chart.yaml it is ${identity.name}`);
  const fileName = chartFileName(identity.name, identity.version);
  if (file.name !== fileName)
    warnings.push(`the file is called "${file.name}", but by its Chart.yaml it is ${fileName}`);
  return identity;
}

interface Manifests {
  directory: string;
  manifest: Buffer;
  requirements: Buffer | undefined;
}

/**
 * Helm strips the first directory of every path, reads backslashes as slashes, and keeps the last of several files with
 * one path. So all entries are read, and a chart is rejected when two become the same manifest.
 */
async function findManifests(file: PackageFile, options: ReadOptions | undefined): Promise<Manifests> {
  const found = new Map<string, { directory: string; bytes: Buffer }>();
  let guess: string | undefined;
  for await (const entry of tarEntries(gunzipFile(file, options))) {
    guess ??= guessTarContents(entry.name);
    const [directory, ...rest] = entry.name.split(/[/\\]/).filter((segment) => segment !== "" && segment !== ".");
    const path = rest.join("/");
    const wanted = ["Chart.yaml", "requirements.yaml"].find((name) => name.toLowerCase() === path.toLowerCase());
    if (directory === undefined || wanted === undefined) continue;
    if (found.has(wanted)) throw invalid(`it has several files ${wanted}`);
    found.set(wanted, { directory, bytes: await readManifest(entry, wanted) });
  }
  const chart = found.get("Chart.yaml");
  if (chart === undefined)
    throw invalid(`it has no Chart.yaml${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return { directory: chart.directory, manifest: chart.bytes, requirements: found.get("requirements.yaml")?.bytes };
}

async function readManifest(entry: TarEntry, wanted: string): Promise<Buffer> {
  if (entry.type !== "file") throw invalid(`its ${wanted} is not a file but a ${entry.type}`);
  if (!entry.name.endsWith(wanted)) throw invalid(`its ${wanted} is called "${entry.name}"`);
  return entry.read(limits.manifest);
}
