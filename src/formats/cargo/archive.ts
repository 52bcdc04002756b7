import type { PackageFile, ReadOptions } from "../format.ts";
import { gunzipFile } from "../containers/gzip.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { invalid } from "../read-package.ts";
import { guessTarContents } from "../name-the-type.ts";
import { tarEntries, type PackageTarEntry } from "../containers/tar.ts";

export interface CrateContent {
  /** The one directory that everything is in. */
  directory: string;
  manifest: Buffer;
}

/** Reads the manifest of a crate. As Cargo's registry does, rejects links and files outside the top directory. */
export async function readCrate(file: PackageFile, options: ReadOptions | undefined): Promise<CrateContent> {
  let directory: string | undefined;
  const manifest = createOnlyManifest("Cargo.toml");
  let guess: string | undefined;
  for await (const entry of tarEntries(gunzipFile(file, options))) {
    const [top, ...rest] = entry.name.split("/").filter((segment) => segment !== "" && segment !== ".");
    guess ??= guessTarContents(entry.name);
    if (top === undefined) continue;
    directory ??= top;
    if (entry.name.includes("\\")) throw invalid(`the entry "${entry.name}" has a backslash in its name`);
    if (top !== directory) throw invalid(`it has two top directories, "${directory}" and "${top}"`);
    if (!["file", "sparse file", "directory"].includes(entry.type))
      throw invalid(`the entry "${entry.name}" is a ${entry.type}`);
    if (rest.length === 0 && entry.type !== "directory") throw invalid(`the file "${entry.name}" is in no directory`);
    // On a file system that ignores case, variants of the name are the same file.
    if (rest.join("/").toLowerCase() !== "cargo.toml") continue;
    manifest.add(entry.name, await readManifest(entry));
  }
  if (directory === undefined || manifest.found === undefined)
    throw invalid(`it has no Cargo.toml${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return { directory, manifest: manifest.found.bytes };
}

async function readManifest(entry: PackageTarEntry): Promise<Buffer> {
  if (entry.type !== "file") throw invalid(`its Cargo.toml is not a file but a ${entry.type}`);
  if (!entry.name.endsWith("/Cargo.toml")) throw invalid(`its manifest is called "${entry.name}"`);
  return entry.read("manifest");
}
