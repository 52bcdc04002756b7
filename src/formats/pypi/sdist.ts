import { bunzip2File } from "../containers/bzip2.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { gunzipFile } from "../containers/gzip.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { parseCoreMetadata, type CoreMetadata } from "./metadata.ts";
import { invalid } from "../read-package.ts";
import { guessTarContents } from "../name-the-type.ts";
import { tarEntries } from "../containers/tar.ts";
import { zipEntries } from "../containers/zip.ts";

/** An entry of either kind of archive that may be the PKG-INFO. */
interface Candidate {
  name: string;
  isFile: boolean;
  read(limit: "manifest"): Promise<Buffer>;
}

/** Reads a source package: PKG-INFO in its top directory. */
export async function readSdist(
  file: PackageFile,
  container: "gzip" | "bzip2" | "zip",
  options: ReadOptions | undefined,
  warnings: string[],
): Promise<CoreMetadata> {
  const manifest = createOnlyManifest("PKG-INFO");
  let guess: string | undefined;
  for await (const entry of container === "zip" ? fromZip(file, options) : fromTar(file, container, options)) {
    guess ??= entry.name.startsWith("EGG-INFO/") ? "an egg" : guessTarContents(entry.name);
    const segments = entry.name.split(/[/\\]/).filter((segment) => segment !== "" && segment !== ".");
    if (segments.length !== 2 || segments[1]!.toUpperCase() !== "PKG-INFO" || segments[0] === "EGG-INFO") continue;
    if (!entry.isFile) throw invalid("its PKG-INFO is not a file");
    if (segments[1] !== "PKG-INFO") throw invalid(`its manifest is called "${entry.name}"`);
    manifest.add(entry.name, await entry.read("manifest"));
  }
  if (manifest.found === undefined)
    throw invalid(`it has no PKG-INFO in its top directory${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return parseCoreMetadata(manifest.found.bytes, "PKG-INFO", warnings);
}

async function* fromTar(
  file: PackageFile,
  container: "gzip" | "bzip2",
  options: ReadOptions | undefined,
): AsyncGenerator<Candidate, void> {
  const bytes = container === "gzip" ? gunzipFile(file, options) : bunzip2File(file, options);
  for await (const entry of tarEntries(bytes)) {
    const isLink = entry.type === "symlink" || entry.type === "hardlink";
    if (isLink && !/[/\\]./.test(entry.name)) throw invalid(`its top directory "${entry.name}" is a link`);
    yield { name: entry.name, isFile: entry.type === "file", read: entry.read };
  }
}

async function* fromZip(file: PackageFile, options: ReadOptions | undefined): AsyncGenerator<Candidate, void> {
  for await (const entry of zipEntries(file, options))
    yield { name: entry.name, isFile: !entry.directory, read: (limit) => entry.read(limit) };
}
