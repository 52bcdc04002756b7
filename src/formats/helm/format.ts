import { npmRange, semver } from "../../versions/semver.ts";
import type { Format } from "../format.ts";
import { readChart } from "./chart.ts";
import { readProvenance } from "./provenance.ts";
import { readPackage } from "../read-package.ts";

/**
 * Helm charts, and their provenance files (.prov). One version has up to two files, which the qualifier distinguishes.
 */
export const helm: Format = {
  type: "helm",
  repositoryFiles: /(?:^|\/)(?:index-cache\.yaml|artifacthub-repo\.yml)$/,
  extensions: [".tgz", ".tgz.prov"],
  unpacksTarballs: true,
  versions: semver,
  ranges: npmRange,
  read(file, options) {
    const isProvenance = file.name.toLowerCase().endsWith(".prov");
    return isProvenance
      ? readPackage("Helm provenance file", file, options, () => readProvenance(file, options))
      : readPackage("Helm chart", file, options, () => readChart(file, options));
  },
  isCompanion: (qualifier) => qualifier === "kind=provenance",
  isSidecar: (name) => name === "index.yaml",
  readsNeighbours: true,
  // a provenance file is checked against the chart beside it
  isNeededBy: (name, other) => other.toLowerCase() === `${name.toLowerCase()}.prov`,
};
