import { ArError, readAr, type ArMember } from "../../lib/archives/ar.ts";
import { decompress, type Compression } from "../containers/decompress.ts";
import type { PackageFile } from "../format.ts";
import { decodeText } from "../manifests/decode-text.ts";
import { createOnlyManifest } from "../manifests/only-manifest.ts";
import { limits } from "../../lib/limits.ts";
import { openReader, type FileReader } from "../containers/open-reader.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import type { PackageTarEntry } from "../containers/tar.ts";
import { tarEntriesOf } from "../containers/tar-bytes.ts";

/** The compressions that dpkg supports. */
const controlMembers: Record<string, Compression> = {
  "control.tar": "none",
  "control.tar.gz": "gzip",
  "control.tar.xz": "xz",
  "control.tar.zst": "zstd",
};
const DATA = /^data\.tar(?:\.(?:gz|xz|zst|bz2|lzma))?$/;

/**
 * The `control` file of a Debian package. The package is an ar archive of exactly three members in this order: a
 * version number, the control archive, and the data archive, which is not read. Members whose names begin with `_` are
 * ignored.
 */
export async function readControl(file: PackageFile, warnings: string[]): Promise<string> {
  await using reader = await openReader(file);
  const members = await listMembers(reader);
  const [version, control, data] = members;
  if (version?.name !== "debian-binary") throw invalid("its first member is not debian-binary");
  await checkVersion(reader, version);
  const compression = control === undefined ? undefined : controlMembers[control.name];
  if (control === undefined || compression === undefined)
    throw invalid(`its second member is ${control === undefined ? "missing" : `"${control.name}"`}, not control.tar`);
  if (data === undefined || !DATA.test(data.name))
    throw invalid(`its third member is ${data === undefined ? "missing" : `"${data.name}"`}, not data.tar`);
  if (members[3] !== undefined) throw invalid(`it has another member "${members[3].name}" after data.tar`);
  if (control.size > limits.controlArchive) throw beyondLimit("controlArchive", `its ${control.name} has`);
  const packed = await reader.read(control.offset, control.size);
  const manifest = await findControl(
    await decompress(compression, packed, { what: `its ${control.name}`, limit: "controlArchive" }),
  );
  return decodeText(manifest, "control file", warnings);
}

async function listMembers(reader: FileReader): Promise<ArMember[]> {
  const members: ArMember[] = [];
  let count = 0;
  try {
    for await (const member of readAr((offset, length) => reader.read(offset, length), reader.size)) {
      if (++count > MAX_MEMBERS) throw invalid(`the ar archive holds more than ${MAX_MEMBERS} members`);
      if (!member.name.startsWith("_")) members.push(member);
    }
  } catch (error) {
    if (error instanceof ArError) throw invalid(error.message, error);
    throw error;
  }
  return members;
}

/** The three members, and those that signing tools add. */
const MAX_MEMBERS = 32;

async function checkVersion(reader: FileReader, member: ArMember): Promise<void> {
  const text = (await reader.read(member.offset, Math.min(member.size, 64))).toString("latin1");
  const version = /^([0-9]+)\.[0-9]+\n/.exec(text)?.[1];
  if (version === undefined) throw invalid("its debian-binary holds no version number");
  if (version !== "2") throw invalid(`it has version ${version} of the package format; only version 2 is supported`);
}

async function findControl(archive: Buffer): Promise<Buffer> {
  const control = createOnlyManifest("control file");
  for await (const entry of tarEntriesOf(archive)) {
    // On a file system that ignores case, variants of the name are the same file.
    if (entry.name.replace(/^(?:\.\/+)+/, "").toLowerCase() !== "control") continue;
    control.add(entry.name, await readEntry(entry));
  }
  if (control.found === undefined) throw invalid("its control.tar has no control file");
  return control.found.bytes;
}

async function readEntry(entry: PackageTarEntry): Promise<Buffer> {
  if (entry.type !== "file") throw invalid(`its control file is not a file but a ${entry.type}`);
  if (!entry.name.endsWith("control")) throw invalid(`its control file is called "${entry.name}"`);
  return entry.read("manifest");
}
