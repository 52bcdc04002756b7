import { pep440 } from "../../versions/pep440.ts";

/** Whether a project may have this name: ASCII letters and digits; dots, dashes and underscores inside. */
export function isProjectName(name: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name);
}

/** Two names with equal results are one project. */
export function normalizeProjectName(name: string): string {
  return name.replace(/[-_.]+/g, "-").toLowerCase();
}

export interface WheelName {
  project: string;
  version: string;
  /** Empty when the name has none. */
  build: string;
  /** Every combination of the compressed tags: `py2.py3-none-any` is `py2-none-any` and `py3-none-any`. */
  tags: string[];
}

const WHEEL = /^([\p{L}\p{N}_.]+)-([^-]+)(?:-([0-9][^-]*))?-([^-]+)-([^-]+)-([^-]+)\.whl$/u;
const MAX_TAGS = 1000;

/** Parses a wheel's file name; undefined for a name that installers would refuse. */
export function parseWheelName(name: string): WheelName | undefined {
  const match = WHEEL.exec(name);
  if (match === null) return undefined;
  const [, project = "", version = "", build = "", pythons = "", abis = "", platforms = ""] = match;
  if (project.includes("__") || pep440.normalize(version) === undefined) return undefined;
  const sets = [pythons, abis, platforms].map((set) => set.split("."));
  if (sets.reduce((product, set) => product * set.length, 1) > MAX_TAGS) return undefined;
  const tags = sets.reduce(
    (heads, set) => heads.flatMap((head) => set.map((tag) => (head === "" ? tag : `${head}-${tag}`))),
    [""],
  );
  return { project, version, build, tags };
}

/** File extensions of source packages. PEP 625 allows only the first. */
export const sdistEndings = [".tar.gz", ".zip", ".tar.bz2"] as const;

/**
 * Whether a source package of that project and version may have this file name. Old names have dashes, also in the
 * version, so any dash may separate the two.
 */
export function isSdistName(name: string, project: string, normalizedVersion: string): boolean {
  const ending = sdistEndings.find((each) => name.endsWith(each));
  if (ending === undefined || !/^[A-Za-z0-9._+!-]+$/.test(name)) return false;
  const stem = name.slice(0, -ending.length);
  for (let dash = stem.indexOf("-"); dash > 0; dash = stem.indexOf("-", dash + 1)) {
    if (
      normalizeProjectName(stem.slice(0, dash)) === project &&
      pep440.normalize(stem.slice(dash + 1)) === normalizedVersion
    )
      return true;
  }
  return false;
}
