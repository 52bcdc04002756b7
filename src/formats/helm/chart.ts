import type { PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { gunzipFile } from "../containers/gzip.ts";
import { chartFileName, helmYaml, identifyChart } from "./identity.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { invalid } from "../read-package.ts";
import { guessTarContents } from "../name-the-type.ts";
import { expectContainer } from "../containers/sniff.ts";
import { tarEntries, type PackageTarEntry } from "../containers/tar.ts";
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
 * one path. So all entries are read, and a chart is rejected when two that differ become the same manifest.
 */
async function findManifests(file: PackageFile, options: ReadOptions | undefined): Promise<Manifests> {
  const found = {
    "Chart.yaml": createOnlyManifest("Chart.yaml"),
    "requirements.yaml": createOnlyManifest("requirements.yaml"),
  };
  let directory: string | undefined;
  let guess: string | undefined;
  for await (const entry of tarEntries(gunzipFile(file, options))) {
    guess ??= guessTarContents(entry.name);
    const [top, ...rest] = entry.name.split(/[/\\]/).filter((segment) => segment !== "" && segment !== ".");
    const path = rest.join("/");
    const wanted = names.find((name) => name.toLowerCase() === path.toLowerCase());
    if (top === undefined || wanted === undefined) continue;
    if (wanted === "Chart.yaml") directory ??= top;
    found[wanted].add(entry.name, await readManifest(entry, wanted));
  }
  const chart = found["Chart.yaml"].found;
  if (chart === undefined || directory === undefined)
    throw invalid(`it has no Chart.yaml${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return { directory, manifest: chart.bytes, requirements: found["requirements.yaml"].found?.bytes };
}

const names = ["Chart.yaml", "requirements.yaml"] as const;

async function readManifest(entry: PackageTarEntry, wanted: string): Promise<Buffer> {
  if (entry.type !== "file") throw invalid(`its ${wanted} is not a file but a ${entry.type}`);
  if (!entry.name.endsWith(wanted)) throw invalid(`its ${wanted} is called "${entry.name}"`);
  return entry.read("manifest");
}
