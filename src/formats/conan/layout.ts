import { conan as versions } from "../../versions/conan.ts";
import { explainUnknownPath } from "./elsewhere.ts";
import { quoted } from "../manifests/quoted.ts";
import { invalid } from "../read-package.ts";

/** The parts of a file's path in the directory of a Conan server. */
export interface ConanPlace {
  name: string;
  version: string;
  /** `_` when the reference has none. */
  user: string;
  channel: string;
  recipeRevision: string;
  /** Absent for files of the recipe. */
  package?: { id: string; revision: string } | undefined;
  /** Below the folder of the recipe or package: a name, or a path in `metadata`. */
  file: string;
  /** Number of levels from the file up to the folder of the recipe's revision. */
  depth: number;
}

const PART = /^[A-Za-z0-9_][A-Za-z0-9_+.-]{0,100}$/;
/** A hash of the manifest, a commit, or what servers without revisions write. */
const REVISION = /^(?:0|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/;
const PACKAGE_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{64})$/;
/** The files of a recipe on a server. Besides these, only files below `metadata` are served. */
const RECIPE_FILE = /^(?:conanfile\.py|conanmanifest\.txt|conan_(?:export|sources)\.t(?:gz|xz|zst))$/;
const PACKAGE_FILE = /^(?:conaninfo\.txt|conanmanifest\.txt|conan_package\.t(?:gz|xz|zst))$/;

/** Name and version as the recipe has them; undefined when it does not say. */
export interface RecipeNames {
  name?: string | undefined;
  version?: string | undefined;
}

/**
 * Number of levels from a file up to the folder of the recipe's revision. Paths are parsed from their end, because
 * nothing marks where a server's directory begins.
 */
export function recipeFolderDepth(path: string): number {
  return dissect(path).depth;
}

/** The identity in a path. The files themselves do not have user, channel and package id. */
export function parseConanPath(path: string, recipe: RecipeNames = {}): ConanPlace {
  const { segments, end, at, depth } = dissect(path);
  const [name, version, user, channel, recipeRevision] = segments.slice(Math.max(0, at - 4), at + 1);
  if (recipeRevision === undefined) throw invalid(explainUnknownPath(path));
  const inRecipe = segments[end - 1] === "export";
  const place = toServerOrder(
    { name: name!, version: version!, user: user!, channel: channel!, recipeRevision },
    recipe,
  );
  const file = segments.slice(end).join("/");
  checkPlace(place, file, end !== segments.length - 1, inRecipe);
  if (inRecipe) return { ...place, file, depth };
  const [id, revision] = [segments[end - 2]!, segments[end - 1]!];
  if (!PACKAGE_ID.test(id)) throw invalid(`its folder ${quoted(id)} is not an id of Conan packages`);
  if (!REVISION.test(revision)) throw invalid(`its folder ${quoted(revision)} is not a Conan revision`);
  return { ...place, package: { id, revision }, file, depth };
}

/**
 * `end`: index of the first segment below the folder of the recipe or package; `at`: index of the recipe's revision.
 */
function dissect(path: string): { segments: string[]; end: number; at: number; depth: number } {
  const segments = path.split(/[/\\]/);
  const last = segments.length - 1;
  const metadata = segments.flatMap((segment, at) => (segment === "metadata" && at < last ? [at] : [])).toReversed();
  const end = [last, ...metadata].find((at) => REVISION.test(segments[revisionAt(segments, at)] ?? ""));
  if (end === undefined) throw invalid(explainUnknownPath(path));
  const at = revisionAt(segments, end);
  return { segments, end, at, depth: last - at };
}

type Reference = Pick<ConanPlace, "name" | "version" | "user" | "channel" | "recipeRevision">;

/**
 * Converts Artifactory's order (USER/NAME/VERSION/CHANNEL) to that of a Conan server. A first segment `_` can only be
 * the user, since names are longer. Otherwise the recipe decides; when it does not say, an ambiguous path is refused.
 */
function toServerOrder(place: Reference, { name, version }: RecipeNames): Reference {
  const other = { ...place, user: place.name, name: place.version, version: place.user };
  if (place.name === "_") return other;
  if (name === place.name || (name === undefined && version === place.version)) return place;
  if (name === other.name && (version === undefined || version === other.version)) return other;
  if (name === undefined && /^[0-9]+\.[0-9]/.test(place.user) && !/^[0-9]/.test(place.version)) {
    if (version === other.version) return other;
    throw invalid(
      `its path may mean ${place.name}/${place.version}@${place.user}/${place.channel} (Conan's server) or ` +
        `${other.name}/${other.version}@${other.user}/${other.channel} (Artifactory), and its recipe does not say`,
    );
  }
  return place;
}

/** Index of the recipe's revision, if the file of a recipe or package began at `end`. */
function revisionAt(segments: readonly string[], end: number): number {
  if (segments[end - 1] === "export") return end - 2;
  return segments[end - 3] === "package" ? end - 4 : -1;
}

function checkPlace(
  { name, version, user, channel }: Omit<ConanPlace, "file" | "depth">,
  file: string,
  isMetadata: boolean,
  inRecipe: boolean,
): void {
  if (!PART.test(name)) throw invalid(`its folder ${quoted(name)} is not a name of Conan packages`);
  if (versions.normalize(version) === undefined) throw invalid(`its folder ${quoted(version)} is not a Conan version`);
  for (const part of [user, channel])
    if (!PART.test(part)) throw invalid(`its folder ${quoted(part)} is not a user or channel of Conan`);
  if (user === "_" && channel !== "_") throw invalid(`it has the channel "${channel}" without a user`);
  if (isMetadata) {
    if (file.length > 300 || !/^[!-~]+$/.test(file) || file.split("/").some((part) => /^\.{0,2}$/.test(part)))
      throw invalid(`${quoted(file)} cannot be a path of Conan's metadata`);
  } else if (!(inRecipe ? RECIPE_FILE : PACKAGE_FILE).test(file)) {
    throw invalid(`a Conan ${inRecipe ? "recipe" : "package"} has no file ${quoted(file)}`);
  }
}
