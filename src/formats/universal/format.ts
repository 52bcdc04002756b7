import { semver } from "../../versions/semver.ts";
import type { Format } from "../format.ts";
import { readPackage } from "../read-package.ts";
import { readUpack } from "./upack.ts";

/**
 * Universal packages (.upack), and virtual ones (.vpack), which have a list of contents instead of content. Names are
 * case-insensitive.
 */
export const universal: Format = {
  type: "universal",
  extensions: [".upack", ".vpack"],
  versions: semver,
  ranges: undefined,
  read: (file, options) =>
    readPackage("universal package", file, options, async () => {
      const { group, name, version, kind, identity } = await readUpack(file, options);
      const folder = group === "" ? name : `${group}/${name}`;
      const key = `${folder}/${name}-${version}.${kind === "virtual" ? "vpack" : "upack"}`;
      return { ...identity, qualifier: kind === "virtual" ? "kind=virtual" : "", key };
    }),
};
