import { bunzip2File } from "../containers/bzip2.ts";
import { decompress } from "../containers/decompress.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { parseJsonManifest } from "../manifests/json.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { invalid } from "../read-package.ts";
import { tarEntriesOf } from "../containers/tar-bytes.ts";
import { tarEntries } from "../containers/tar.ts";
import { zipEntries, type ZipEntry } from "../containers/zip.ts";

export interface CondaManifest {
  /** `info/index.json`. */
  index: Buffer;
  /** The name of the archives inside a .conda file after `info-` and `pkg-`; undefined in the older format. */
  stem: string | undefined;
}

/**
 * The older format: one tar archive. Read to its end, because a second manifest would overwrite the first on unpacking.
 */
export async function readTarBz2(file: PackageFile, options: ReadOptions | undefined): Promise<CondaManifest> {
  return { index: await findIndex(tarEntries(bunzip2File(file, options))), stem: undefined };
}

/**
 * The newer format: a zip archive with `metadata.json` and two tar archives; only the one with the manifests is read.
 */
export async function readDotConda(
  file: PackageFile,
  options: ReadOptions | undefined,
  warnings: string[],
): Promise<CondaManifest> {
  const found: Record<"info" | "pkg", ZipEntry[]> = { info: [], pkg: [] };
  let version: ZipEntry | undefined;
  for await (const entry of zipEntries(file, options)) {
    const [, kind] = /^(info|pkg)-.*\.tar(?:\.[a-z0-9]+)?$/i.exec(entry.name) ?? [];
    if (kind !== undefined) found[kind.toLowerCase() as "info" | "pkg"].push(entry);
    else if (entry.name === "metadata.json") version = entry;
  }
  if (version === undefined) throw invalid("it has no metadata.json");
  const formatVersion = parseJsonManifest(await version.read("manifest"), "metadata.json", warnings)[
    "conda_pkg_format_version"
  ];
  if (formatVersion !== 2) throw invalid("its metadata.json does not say that it is of format version 2");
  const info = only(found.info, "info");
  const pkg = only(found.pkg, "pkg");
  const stem = stemOf(info, "info");
  if (stemOf(pkg, "pkg") !== stem) throw invalid(`"${info.name}" and "${pkg.name}" do not belong together`);
  const bytes = await decompress("zstd", await info.read("condaInfoPacked"), {
    what: `its ${info.name}`,
    limit: "condaInfo",
  });
  return { index: await findIndex(tarEntriesOf(bytes)), stem };
}

function only(entries: readonly ZipEntry[], kind: string): ZipEntry {
  const [entry, ...others] = entries;
  if (entry === undefined) throw invalid(`it has no ${kind}-*.tar.zst`);
  if (others.length > 0) throw invalid(`it has ${entries.length} archives ${kind}-*`);
  return entry;
}

function stemOf({ name }: ZipEntry, kind: string): string {
  const stem = new RegExp(`^${kind}-(.+)\\.tar\\.zst$`).exec(name)?.[1];
  if (stem === undefined) throw invalid(`"${name}" is not called ${kind}-NAME-VERSION-BUILD.tar.zst`);
  return stem;
}

async function findIndex(entries: ReturnType<typeof tarEntries>): Promise<Buffer> {
  const index = createOnlyManifest("info/index.json");
  for await (const entry of entries) {
    const path = entry.name
      .split(/[/\\]/)
      .filter((segment) => segment !== "" && segment !== ".")
      .join("/");
    const isLink = entry.type === "symlink" || entry.type === "hardlink";
    if (isLink && path.toLowerCase() === "info") throw invalid('its directory "info" is a link');
    // On a file system that ignores case, variants of the name are the same file.
    if (path.toLowerCase() !== "info/index.json") continue;
    if (entry.type !== "file") throw invalid(`its info/index.json is not a file but a ${entry.type}`);
    if (path !== "info/index.json") throw invalid(`its manifest is called "${entry.name}"`);
    index.add(entry.name, await entry.read("manifest"));
  }
  if (index.found === undefined) throw invalid("it has no info/index.json");
  return index.found.bytes;
}
