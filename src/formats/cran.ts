import { cran as versions } from "../versions/cran.ts";
import { relationRange } from "../versions/ranges/relation-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "./format.ts";
import { gunzipFile } from "./containers/gzip.ts";
import { createOnlyManifest } from "./manifests/only-manifest.ts";
import { parseOneParagraph, type Paragraph } from "./manifests/headers.ts";
import { boundMetadata } from "./manifests/metadata.ts";
import { invalid, readPackage } from "./read-package.ts";
import { guessTarContents } from "./name-the-type.ts";
import { expectContainer } from "./containers/sniff.ts";
import { tarEntries, type PackageTarEntry } from "./containers/tar.ts";

/** R source packages as `R CMD build` makes them. Packages built for one system are refused. */
export const cran: Format = {
  type: "cran",
  extensions: [".tar.gz"],
  unpacksTarballs: true,
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0" }),
  repositoryFiles: /(?:^|\/)(?:PACKAGES(?:\.(?:gz|rds|json))?|Meta\/[^/]+\.rds)$/,
  read: (file, options) => readPackage("R package", file, options, () => read(file, options)),
};

const MAX_NAME = 200;
const MAX_VERSION = 128;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  await expectContainer(file, "gzip");
  const warnings: string[] = [];
  const { directory, bytes } = await findDescription(file, options);
  const description = parseOneParagraph(decode(bytes, warnings), "DESCRIPTION", {
    repeatable,
    loneReturns: "end lines",
  });
  const name = description.get("Package") ?? "";
  if (name.length > MAX_NAME || !/^[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]$/.test(name))
    throw invalid(name === "" ? "its DESCRIPTION has no Package" : `"${name}" is not a name of an R package`);
  const version = description.get("Version") ?? "";
  const normalizedVersion = version.length > MAX_VERSION ? undefined : versions.normalize(version);
  if (normalizedVersion === undefined)
    throw invalid(version === "" ? "its DESCRIPTION has no Version" : `"${version}" is not a version of an R package`);
  const built = description.get("Built");
  if (built !== undefined) throw invalid(`it is not a source package but was built for a system (${built})`);
  if (description.get("Packaged") === undefined)
    warnings.push('its DESCRIPTION has no "Packaged": it was not made by R CMD build');
  if (directory !== name) warnings.push(`its top directory is called "${directory}", not ${name}`);
  const fileName = `${name}_${normalizedVersion}.tar.gz`;
  if (file.name !== fileName)
    warnings.push(`the file is called "${file.name}", but by its DESCRIPTION it is ${fileName}`);
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(normalizedVersion),
    prerelease: versions.isPrerelease(normalizedVersion),
    qualifier: "",
    key: `src/contrib/${fileName}`,
    contentType: "application/gzip",
    metadata: boundMetadata(membersOf(description), warnings),
    warnings,
  };
}

/** Fields that identify the package must not be repeated. */
const repeatable = { has: (field: string) => !["package", "version", "encoding", "built"].includes(field) };

/** Finds DESCRIPTION in a top directory. R reads the first that it finds, so several that differ are refused. */
async function findDescription(file: PackageFile, options: ReadOptions | undefined) {
  const description = createOnlyManifest("DESCRIPTION");
  let directory: string | undefined;
  let guess: string | undefined;
  for await (const entry of tarEntries(gunzipFile(file, options))) {
    const segments = entry.name.split(/[/\\]/).filter((segment) => segment !== "" && segment !== ".");
    const isLink = entry.type === "symlink" || entry.type === "hardlink";
    if (isLink && segments.length < 2) throw invalid(`its top directory "${entry.name}" is a link`);
    guess ??= guessTarContents(entry.name);
    // On a file system that ignores case, variants of the name are the same file.
    if (segments.length !== 2 || segments[1]!.toUpperCase() !== "DESCRIPTION") continue;
    directory ??= segments[0];
    description.add(entry.name, await readDescription(entry));
  }
  if (description.found === undefined || directory === undefined)
    throw invalid(`it has no DESCRIPTION in its top directory${guess === undefined ? "" : `; it looks like ${guess}`}`);
  return { directory, bytes: description.found.bytes };
}

async function readDescription(entry: PackageTarEntry): Promise<Buffer> {
  if (entry.type !== "file") throw invalid(`its DESCRIPTION is not a file but a ${entry.type}`);
  if (!entry.name.endsWith("DESCRIPTION")) throw invalid(`its manifest is called "${entry.name}"`);
  return entry.read("manifest");
}

/** Decodes by the manifest's own Encoding field, which is ASCII. */
function decode(bytes: Buffer, warnings: string[]): string {
  const named = /^Encoding:[ \t]*([A-Za-z0-9_-]{1,40})[ \t]*$/m.exec(bytes.toString("latin1"))?.[1];
  try {
    return new TextDecoder(named ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    warnings.push(`its DESCRIPTION is not ${named ?? "UTF-8"} text and was read as Latin-1`);
    return bytes.toString("latin1");
  }
}

const texts = ["Title", "Description", "Author", "Maintainer", "License", "URL", "BugReports", "NeedsCompilation"];
const dependencies = ["Depends", "Imports", "LinkingTo", "Suggests", "Enhances"];

/** Under the names of DESCRIPTION, which R's indexes use as well. */
function membersOf(description: Paragraph): Record<string, unknown> {
  const text = (field: string) => description.get(field)?.replace(/\s*\n\s*/g, " ");
  return {
    ...Object.fromEntries(texts.map((field) => [field, text(field)])),
    ...Object.fromEntries(
      dependencies.map((field) => [
        field,
        text(field)
          ?.split(",")
          .map((item) => item.trim())
          .filter((item) => item !== ""),
      ]),
    ),
  };
}
