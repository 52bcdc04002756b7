import { relationRange } from "../../versions/ranges/relation-range.ts";
import { semver } from "../../versions/semver.ts";
import type { Format } from "../format.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid, readPackage } from "../read-package.ts";
import { readUpack } from "./upack.ts";

const NAMESPACE = /^[0-9a-z](?:[0-9a-z_-]{0,62}[0-9a-z])?$/;
const MODULE_AND_PROVIDER = /^([0-9a-z](?:[0-9a-z_-]{0,62}[0-9a-z])?)\.([0-9a-z]{1,64})$/;

/**
 * Terraform modules as universal packages: the group is the namespace, the name is `MODULE.PROVIDER`. Both must follow
 * Terraform's rules, because they form the address `NAMESPACE/MODULE/PROVIDER`.
 */
export const terraform: Format = {
  type: "terraform",
  extensions: [".upack"],
  versions: semver,
  ranges: relationRange(semver, { example: ">= 1.0.0, < 2.0.0" }),
  read: (file, options) =>
    readPackage("Terraform module", file, options, async () => {
      const { group, name, version, kind, identity, paths } = await readUpack(file, options);
      if (kind === "virtual") throw invalid("it is a virtual package; a module has content");
      if (group === "") throw invalid('its upack.json has no "group", which is the module\'s namespace');
      if (!NAMESPACE.test(group)) throw invalid(`${quoted(group)} is not a Terraform namespace`);
      const parts = MODULE_AND_PROVIDER.exec(name);
      if (parts === null) throw invalid(`${quoted(name)} is not a module and a provider (vpc.aws)`);
      if (!paths.some((path) => /\.tf(?:\.json)?$/i.test(path)))
        identity.warnings.push("it holds no .tf file; this is a feed of Terraform modules");
      const key = `${group}/${parts[1]}/${parts[2]}/${name}-${version}.upack`;
      return { ...identity, key };
    }),
};
