import { isFeedctlError } from "../../errors.ts";
import { pep440, pep440Text } from "../../versions/pep440.ts";
import { pep440Range } from "../../versions/ranges/pep440-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import type { CoreMetadata } from "./metadata.ts";
import { isSdistName, normalizeProjectName, sdistEndings } from "./name.ts";
import { readSdist } from "./sdist.ts";
import { readWheel } from "./wheel.ts";
import { invalid, readPackage, WrongNameError } from "../read-package.ts";
import { expectContainer, findContainer, type Container } from "../containers/sniff.ts";

/**
 * Python packages: wheels and source packages. A version has many files, which their names distinguish, as on every
 * index. Lock files use these names, so a name that agrees with the manifest is kept, though other spellings of it are
 * the same file: installers would choose either.
 */
export const pypi: Format = {
  type: "pypi",
  extensions: [".whl", ...sdistEndings],
  unpacksTarballs: true,
  versions: pep440,
  ranges: pep440Range,
  repositoryFiles:
    /(?:^|\/)simple\/(?:[^/]+\/)?index\.(?:html|json|v1_html|v1_json)$|\.(?:whl|tar\.gz|zip)\.(?:metadata|provenance|publish\.attestation)$|(?:^|\/)(?:pypi\/[^/]+\/json|last-modified|generation)$/,
  read: (file, options) => readPackage("Python package", file, options, () => read(file, options)),
};

const kinds = [
  { ending: ".whl", container: "zip", contentType: "application/octet-stream" },
  { ending: ".tar.gz", container: "gzip", contentType: "application/gzip" },
  { ending: ".zip", container: "zip", contentType: "application/zip" },
  { ending: ".tar.bz2", container: "bzip2", contentType: "application/x-bzip2" },
] as const satisfies { ending: string; container: Container; contentType: string }[];

const MAX_FILE_NAME = 255;

async function read(file: PackageFile, options: ReadOptions | undefined): Promise<PackageIdentity> {
  // A wheel's file name must match exactly; of a source package's name only the extension counts.
  const named = kinds.find(({ ending }) => file.name.toLowerCase().endsWith(ending));
  const kind = named ?? (await guessKind(file, options));
  if (file.name.length > MAX_FILE_NAME) throw invalid(`its file name is longer than ${MAX_FILE_NAME} characters`);
  await expectContainer(file, kind.container);
  const warnings: string[] = [];
  const isWheel = kind.ending === ".whl";
  const metadata = isWheel
    ? await readWheel(file, options, warnings)
    : await readSdist(file, kind.container, options, warnings);
  const nameKey = normalizeProjectName(metadata.name);
  const normalizedVersion = pep440.normalize(metadata.version)!;
  const fileName = isWheel ? file.name : sdistName(file, metadata, kind.ending, warnings);
  // standard input has no name
  if (named === undefined && file.name.includes("."))
    throw new WrongNameError(`${NO_ENDING}; by its PKG-INFO it is ${fileName}`);
  return {
    group: "",
    name: metadata.name,
    nameKey,
    version: metadata.version,
    normalizedVersion,
    sortKey: pep440.sortKey(normalizedVersion),
    prerelease: pep440.isPrerelease(normalizedVersion),
    qualifier: `file=${identityOfName(fileName, kind.ending, `${nameKey.replaceAll("-", "_")}-${normalizedVersion}`)}`,
    key: `${nameKey}/${fileName}`,
    contentType: kind.contentType,
    metadata: boundMetadata(metadata.members, warnings),
    warnings,
  };
}

/**
 * The file name in one spelling: names that differ only in the spelling of project and version, or in the order and
 * case of a wheel's tags, are one file.
 */
function identityOfName(fileName: string, ending: string, stem: string): string {
  if (ending !== ".whl") return `${stem}${ending}`;
  // the build, if there is one, and the tags follow project and version
  const [, , ...rest] = fileName.slice(0, -ending.length).split("-");
  const [tags, build] = [rest.splice(-3), rest];
  const sorted = tags.map((set) => [...new Set(set.toLowerCase().split("."))].toSorted().join("."));
  return `${[stem, ...build, ...sorted].join("-")}${ending}`;
}

function sdistName(file: PackageFile, { name, version }: CoreMetadata, ending: string, warnings: string[]): string {
  if (isSdistName(file.name, normalizeProjectName(name), pep440.normalize(version)!)) return file.name;
  const canonical = `${normalizeProjectName(name).replaceAll("-", "_")}-${pep440Text(version)}${ending}`;
  warnings.push(`the file is called "${file.name}", but by its manifest it is ${canonical}`);
  return canonical;
}

/** The kind of a file whose name does not say it: a source package. Rejects a wheel, whose name is needed. */
async function guessKind(file: PackageFile, options: ReadOptions | undefined): Promise<(typeof kinds)[number]> {
  const old = oldKind(file.name);
  const container = await findContainer(file);
  const kind = kinds.find((each) => each.ending !== ".whl" && each.container === container);
  if (old !== undefined) throw invalid(unsupported(old));
  if (kind === undefined) throw invalid(NO_ENDING);
  if (container === "zip")
    await readWheel(file, options, []).catch((error: unknown) => {
      if (error instanceof WrongNameError || !isFeedctlError(error, "invalid")) throw error;
    });
  return kind;
}

const NO_ENDING = "its file name does not end like one of a wheel (.whl) or source package (.tar.gz)";

function oldKind(name: string): string | undefined {
  return /\.(egg|exe|msi|rpm|dmg|deb|tgz|tar|tar\.xz|tar\.Z)$/i.exec(name)?.[1];
}

function unsupported(old: string): string {
  return `packages of the kind .${old} are not imported: Python's indexes accept wheels (.whl) and source packages (.tar.gz)`;
}
