import { pep440 } from "../../versions/pep440.ts";
import type { PackageFile, ReadOptions } from "../format.ts";
import { parseMessage } from "../manifests/headers.ts";
import { parseCoreMetadata, type CoreMetadata } from "./metadata.ts";
import { normalizeProjectName, parseWheelName } from "./name.ts";
import { checkRecord } from "./record.ts";
import { invalid, WrongNameError } from "../read-package.ts";
import { zipEntries, type ZipEntry } from "../containers/zip.ts";

/** Reads a wheel. Its file name must agree with its METADATA: installers use the one, indexes the other. */
export async function readWheel(
  file: PackageFile,
  options: ReadOptions | undefined,
  warnings: string[],
): Promise<CoreMetadata> {
  const { directory, names, members } = await findMembers(file, options);
  const manifest = await members.METADATA.read("manifest");
  const metadata = parseCoreMetadata(manifest, "METADATA", warnings);
  const project = normalizeProjectName(metadata.name);
  const version = pep440.normalize(metadata.version);
  const is = `${metadata.name} ${metadata.version}`;

  const stem = /^(.+)-([^-]+)\.dist-info$/i.exec(directory);
  if (normalizeProjectName(stem?.[1] ?? "") !== project || pep440.normalize(stem?.[2] ?? "") !== version)
    throw invalid(`its METADATA says ${is}, but lies in "${directory}"`);
  const name = parseWheelName(file.name);
  if (name === undefined || !/^[A-Za-z0-9._+!-]+$/.test(file.name))
    throw new WrongNameError("its file name is not one of a wheel (NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl)");
  if (normalizeProjectName(name.project) !== project || pep440.normalize(name.version) !== version)
    throw new WrongNameError(`its file name says ${name.project} ${name.version}, but its METADATA ${is}`);

  const wheel = await members.WHEEL.read("manifest");
  const { headers } = parseMessage(wheel.toString("utf8"), "WHEEL", {
    repeatable: { has: (field) => field !== "wheel-version" },
  });
  if (!/^1(?:\.[0-9]+)?$/.test(headers.get("Wheel-Version") ?? "")) throw invalid("its WHEEL has no Wheel-Version 1");
  // Registries have many wheels that were renamed without a change inside.
  const inside = new Set(headers.all("Tag").flatMap(expandTag));
  if (name.tags.some((tag) => !inside.has(tag)) || inside.size > name.tags.length)
    warnings.push(
      `its file name says that it is for ${name.tags.join(", ")}, but its WHEEL for ${[...inside].join(", ")}`,
    );
  const read = [
    { path: members.METADATA.name, bytes: manifest },
    { path: members.WHEEL.name, bytes: wheel },
  ];
  checkRecord(await members.RECORD.read("wheelRecord"), { members: read, names, directory }, warnings);
  return { ...metadata, members: { ...metadata.members, ...(name.build && { build: name.build }), tags: name.tags } };
}

/** Some builders write compressed tags into WHEEL as well. */
function expandTag(tag: string): string[] {
  return parseWheelName(`x-1-${tag}.whl`)?.tags ?? [tag];
}

const required = ["METADATA", "WHEEL", "RECORD"] as const;

async function findMembers(file: PackageFile, options: ReadOptions | undefined) {
  const found = new Map<string, ZipEntry>();
  const directories = new Set<string>();
  const names = new Set<string>();
  let isEgg = false;
  for await (const entry of zipEntries(file, options)) {
    if (!entry.directory) names.add(entry.name);
    isEgg ||= entry.name.startsWith("EGG-INFO/");
    const [, directory, rest] = /^([^/]+\.dist-info)\/(.*)$/i.exec(entry.name) ?? [];
    if (directory === undefined || rest === undefined) continue;
    directories.add(directory);
    // On a file system that ignores case, variants of the name are the same file.
    const member = required.find((each) => each === rest.toUpperCase());
    if (member === undefined) continue;
    if (found.has(member)) throw invalid(`it has two files ${member} in its .dist-info directories`);
    found.set(member, entry);
  }
  const [directory, ...others] = directories;
  if (directory === undefined)
    throw invalid(isEgg ? "it is an egg, not a wheel" : "it has no .dist-info directory at its top");
  if (others.length > 0) throw invalid(`it has ${others.length + 1} .dist-info directories at its top`);
  const get = (member: (typeof required)[number]): ZipEntry => {
    const entry = found.get(member);
    if (entry === undefined || !entry.name.endsWith(`/${member}`)) throw invalid(`it has no "${directory}/${member}"`);
    return entry;
  };
  return { directory, names, members: { METADATA: get("METADATA"), WHEEL: get("WHEEL"), RECORD: get("RECORD") } };
}
