import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rpm as versions } from "../../versions/rpm.ts";
import { relationRange, rpmEqualUpTo } from "../../versions/ranges/relation-range.ts";
import type { Format, PackageFile, PackageIdentity, ReadOptions } from "../format.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { openReader, type FileReader } from "../containers/open-reader.ts";
import { invalid, readPackage } from "../read-package.ts";
import type { RpmHeader } from "./header.ts";
import { readRpmHeaders } from "./headers.ts";
import { readRpmMetadata, tags } from "./tags.ts";
import { expectContainer } from "../containers/sniff.ts";

/** RPM packages, binary and source. One version has a file for each architecture. Only the headers are read. */
export const rpm: Format = {
  type: "rpm",
  repositoryFiles: /(?:^|\/)(?:repodata\/[^/]+|\.treeinfo|\.discinfo|\.composeinfo|media\.repo|RPM-GPG-KEY[^/]*)$/,
  extensions: [".rpm"],
  versions,
  ranges: relationRange(versions, { example: ">= 1.0, < 2.0", equalUpTo: rpmEqualUpTo }),
  read: (file, options) => readPackage("RPM package", file, options, () => read(file, options)),
  isSidecar: (name) =>
    /^(?:repomd\.xml(?:\.asc|\.key)?|(?:[0-9a-f]+-)?(?:primary|filelists|other|updateinfo|comps|modules)(?:\.(?:xml|yaml|sqlite|[a-z0-9]+))+)$/.test(
      name,
    ),
};

const MAX_LENGTH = 200;

async function read(file: PackageFile, options: ReadOptions = {}): Promise<PackageIdentity> {
  await expectContainer(file, "rpm");
  await using reader = await openReader(file);
  const warnings: string[] = [];
  const header = await readMainHeader(file, reader, warnings, options.signal);
  const name = await readName(header);
  const { version, arch } = await readVersion(header);
  const normalizedVersion = version.length > MAX_LENGTH ? undefined : versions.normalize(version);
  if (normalizedVersion === undefined) throw invalid(`"${version}" is not an RPM version`);
  const [, epoch, evr] = /^(?:([0-9]+):)?(.*)$/.exec(normalizedVersion)!;
  const fileName = `${name}-${evr}.${arch}.rpm`;
  if (file.name !== fileName) warnings.push(`the file is called "${file.name}", but by its header it is ${fileName}`);
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion,
    sortKey: versions.sortKey(version),
    prerelease: versions.isPrerelease(version),
    qualifier: `arch=${arch}`,
    // RPM's file names omit the epoch, but versions that differ only in it need different keys.
    key: `Packages/${name[0]!.toLowerCase()}/${name}-${epoch === undefined ? "" : `${epoch}!`}${evr}.${arch}.rpm`,
    contentType: "application/x-rpm",
    metadata: boundMetadata(await readRpmMetadata(header), warnings),
    warnings,
  };
}

/** Reads the main header, and checks it against the hash and size in the signature header. */
async function readMainHeader(
  file: PackageFile,
  reader: FileReader,
  warnings: string[],
  signal: AbortSignal | undefined,
): Promise<RpmHeader> {
  const { signature, main: header } = await readRpmHeaders(reader, warnings);
  const [size] =
    (await signature.numbers(tags.signature.longSize)) ?? (await signature.numbers(tags.signature.size)) ?? [];
  if (size !== undefined && size !== file.size - header.start)
    throw invalid(`by its signature header it has ${header.start + size} bytes, but the file has ${file.size}`);
  for (const [algorithm, tag] of [
    ["sha256", tags.signature.sha256],
    ["sha1", tags.signature.sha1],
  ] as const) {
    const expected = await signature.text(tag);
    if (expected === undefined) continue;
    const actual = createHash(algorithm);
    for await (const chunk of createReadStream(file.path, { start: header.start, end: header.end - 1, signal }))
      actual.update(chunk as Buffer);
    if (actual.digest("hex") !== expected.toLowerCase())
      throw invalid(`the ${algorithm} of its header does not match its signature header`);
    break;
  }
  return header;
}

async function readName(header: RpmHeader): Promise<string> {
  const name = await header.text(tags.name);
  if (name === undefined) throw invalid("its header has no name");
  if (name.length > MAX_LENGTH || !/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(name))
    throw invalid(`"${name}" is not the name of an RPM package`);
  return name;
}

async function readVersion(header: RpmHeader): Promise<{ version: string; arch: string }> {
  const version = await header.text(tags.version);
  const release = await header.text(tags.release);
  const epoch = await header.numbers(tags.epoch);
  for (const part of [version, release]) {
    if (part === undefined) throw invalid(`its header has no ${part === version ? "version" : "release"}`);
    if (!/^[A-Za-z0-9._+~^%{}]+$/.test(part)) throw invalid(`"${part}" is not a version or release of RPM`);
  }
  const arch = await readArchitecture(header);
  return { version: `${epoch === undefined ? "" : `${epoch[0]}:`}${version}-${release}`, arch };
}

/**
 * Source packages have the architecture of the machine that built them; a tag, or the lack of one, marks them as
 * source.
 */
async function readArchitecture(header: RpmHeader): Promise<string> {
  const isSource = header.has(tags.sourcePackage) || !header.has(tags.sourceRpm);
  if (isSource) return header.has(tags.noSource) || header.has(tags.noPatch) ? "nosrc" : "src";
  const arch = await header.text(tags.arch);
  if (arch === undefined || !/^[A-Za-z0-9_]{1,64}$/.test(arch)) throw invalid("its header has no architecture");
  return arch;
}
