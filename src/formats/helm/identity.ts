import { semver } from "../../versions/semver.ts";
import type { PackageIdentity } from "../format.ts";
import { deprecationOf } from "../manifests/deprecation.ts";
import { boundMetadata } from "../manifests/metadata.ts";
import { invalid } from "../read-package.ts";
import type { YamlRules, YamlValue } from "../manifests/yaml.ts";
import { goText } from "./scalars.ts";

const MAX_LENGTH = 250;

/** How Helm reads the YAML files of a chart. */
export const helmYaml: YamlRules = { aliases: "expand", plain: goText };

/** The identity in a `Chart.yaml`, from the chart itself or as quoted in its provenance file. */
export function identifyChart(
  chart: Record<string, YamlValue>,
  kind: "chart" | "provenance",
  warnings: string[],
): PackageIdentity {
  const { name, version } = chart;
  if (typeof name !== "string" || name === "") throw invalid('its Chart.yaml has no "name"');
  if (name.length > MAX_LENGTH || !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name))
    throw invalid(`"${name}" is not the name of a Helm chart`);
  if (typeof version !== "string" || version === "") throw invalid('its Chart.yaml has no "version"');
  const order = semanticVersion(version);
  const isProvenance = kind === "provenance";
  return {
    group: "",
    name,
    nameKey: name,
    version,
    normalizedVersion: version,
    sortKey: semver.sortKey(order),
    prerelease: semver.isPrerelease(order),
    qualifier: isProvenance ? "kind=provenance" : "",
    key: `${name}/${chartFileName(name, version)}${isProvenance ? ".prov" : ""}`,
    contentType: isProvenance ? "text/plain" : "application/gzip",
    ...deprecationOf(chart["deprecated"]),
    metadata: boundMetadata(Object.fromEntries(members.map((member) => [member, chart[member]])), warnings),
    warnings,
  };
}

const members = [
  "apiVersion",
  "appVersion",
  "description",
  "type",
  "kubeVersion",
  "keywords",
  "home",
  "sources",
  "icon",
  "maintainers",
  "dependencies",
  "deprecated",
  "annotations",
];

export function chartFileName(name: string, version: string): string {
  return `${name}-${version}.tgz`;
}

/**
 * The semantic version that orders a chart's version. Helm allows a leading `v` and omitted minor and patch.
 * Repositories and provenance files use the version as written, `v` and build metadata included, so the text is the
 * identity.
 */
function semanticVersion(version: string): string {
  const match = /^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/.exec(version);
  const [, major, minor = ".0", patch = ".0", prerelease = "", build = ""] = match ?? [];
  const whole = `${major}${minor}${patch}${prerelease}${build}`;
  if (match === null || version.length > MAX_LENGTH || semver.normalize(whole) === undefined)
    throw invalid(`"${version}" is not a semantic version`);
  return whole;
}
