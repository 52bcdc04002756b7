import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join, resolve } from "node:path";
import { contentTypeOf } from "../../lib/content-type.ts";
import { conan as versions } from "../../versions/conan.ts";
import { relationRange } from "../../versions/ranges/relation-range.ts";
import { placeOf, readBeside } from "../read-neighbour.ts";
import { parseConanPath, recipeFolderDepth, type ConanPlace } from "./layout.ts";
import { parseConanManifest, readRecipe, revisionOf } from "./manifest.ts";
import type { FilePlace, Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { invalid, readPackage } from "../read-package.ts";
import { expectContainer } from "../containers/sniff.ts";

/**
 * Files of Conan recipes and packages in the directory of a Conan server. Each is a file of the version
 * `name/version@user/channel`, distinguished by revisions and package id. Only the path has the identity, and the
 * manifest in the folder proves it: a revision is the hash of its manifest, which has the hashes of the files.
 */
export const conan: Format = {
  type: "conan",
  // Files below `metadata` may have any name.
  extensions: [""],
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0" }),
  readsNeighbours: true,
  isNeededBy: (name, other) => name !== other && (name === "conanmanifest.txt" || name === "conanfile.py"),
  isSidecar: (name) => /^revisions\.txt(?:\.lock)?$/.test(name),
  read: (file, options) => readPackage("file of a Conan package", file, options, () => read(file, options ?? {})),
};

async function read(file: PackageFile, options: ReadOptions): Promise<PackageIdentity> {
  const found = placeOf(file);
  const path = resolve(found.path);
  const recipe = await readRecipeOf(found);
  const place = parseConanPath(path, { name: recipe.get("name"), version: recipe.get("version") });
  const warnings: string[] = [];
  await checkArchive(file, place);
  await verify(place, file, options);
  checkRecipe(recipe, place, warnings);
  if (/[A-Z]/.test(place.name)) warnings.push(`"${place.name}" breaks Conan's rule for names (lower case)`);
  const { name, version, user, channel } = place;
  return {
    group: [user, channel].filter((part) => part !== "_").join("/"),
    name,
    nameKey: name,
    version,
    normalizedVersion: version,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: qualifierOf(place),
    key: keyOf(place),
    contentType: contentTypeOf(file.name),
    metadata: boundMetadata(Object.fromEntries(members.map((member) => [member, recipe.get(member)])), warnings),
    warnings,
  };
}

const members = ["description", "license", "author", "url", "homepage", "package_type"];

function qualifierOf({ file, package: pkg, recipeRevision }: ConanPlace): string {
  const parts = { file, ...(pkg && { package: pkg.id, prev: pkg.revision }), rrev: recipeRevision };
  return Object.entries(parts)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

function keyOf({ name, version, user, channel, recipeRevision, package: pkg, file }: ConanPlace): string {
  const folder = pkg === undefined ? "export" : `package/${pkg.id}/${pkg.revision}`;
  return `${name}/${version}/${user}/${channel}/${recipeRevision}/${folder}/${file}`;
}

async function checkArchive(file: PackageFile, place: ConanPlace): Promise<void> {
  if (place.file.startsWith("metadata/")) return;
  if (file.size === 0) throw invalid("the file is empty");
  if (place.file.endsWith(".tgz")) await expectContainer(file, "gzip");
  if (place.file.endsWith(".txz")) await expectContainer(file, "xz");
  if (place.file.endsWith(".tzst")) await expectContainer(file, "zstd");
}

/** Checks a file against the manifest in its folder. It has no hashes of archives, which every client packs anew. */
async function verify(place: ConanPlace, file: PackageFile, options: ReadOptions): Promise<void> {
  const found = placeOf(file);
  const folder = join(resolve(found.path), ...place.file.split("/").map(() => ".."));
  const bytes = await readBeside(found, join(folder, "conanmanifest.txt"), "conanManifest");
  if (bytes === undefined) throw invalid("its folder has no conanmanifest.txt; the upload was not finished");
  const manifest = parseConanManifest(bytes);
  const revision = place.package?.revision ?? place.recipeRevision;
  if (revision.length === 32 && revisionOf(manifest) !== revision)
    throw invalid(
      `its conanmanifest.txt is that of revision ${revisionOf(manifest)}, its folder is called ${revision}`,
    );
  const expected = place.file.startsWith("metadata/") ? undefined : manifest.get(place.file);
  if (expected === undefined) return;
  const hash = createHash("md5");
  for await (const chunk of createReadStream(file.path, { signal: options.signal })) hash.update(chunk as Buffer);
  if (hash.digest("hex") !== expected) throw invalid("its MD5 does not match its conanmanifest.txt");
}

async function readRecipeOf(found: FilePlace): Promise<Map<string, string>> {
  const path = resolve(found.path);
  const revisionFolder = join(path, ...Array.from({ length: recipeFolderDepth(path) }, () => ".."));
  const bytes = await readBeside(found, join(revisionFolder, "export", "conanfile.py"));
  return bytes === undefined ? new Map() : readRecipe(bytes);
}

/** Most recipes assign name and version literally. A match may be something else, so a difference is only a warning. */
function checkRecipe(recipe: Map<string, string>, { name, version }: ConanPlace, warnings: string[]): void {
  for (const [member, inPath] of Object.entries({ name, version })) {
    const said = recipe.get(member);
    if (said !== undefined && said !== inPath)
      warnings.push(`its recipe says ${member} "${said}", but it lies in the folder of "${inPath}"`);
  }
}
