import { conan as versions } from "../versions/conan.ts";
import { quoted } from "./quoted.ts";
import { invalid } from "./read-package.ts";

/** A file's place in the directory of a Conan server. */
export interface ConanPlace {
  name: string;
  version: string;
  /** `_` where there is none. */
  user: string;
  channel: string;
  recipeRevision: string;
  /** Absent for files of the recipe. */
  package?: { id: string; revision: string } | undefined;
  /** Below the folder of the recipe or package: a name, or a path in `metadata`. */
  file: string;
  /** How many steps lead up from the file to the folder of the recipe's revision. */
  depth: number;
}

const PART = /^[A-Za-z0-9_][A-Za-z0-9_+.-]{0,100}$/;
/** A hash of the manifest, a commit, or what servers without revisions write. */
const REVISION = /^(?:0|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/;
const PACKAGE_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{64})$/;
/** The files a server has; nothing else is served, except what is below `metadata`. */
const RECIPE_FILE = /^(?:conanfile\.py|conanmanifest\.txt|conan_(?:export|sources)\.t(?:gz|xz|zst))$/;
const PACKAGE_FILE = /^(?:conaninfo\.txt|conanmanifest\.txt|conan_package\.t(?:gz|xz|zst))$/;

const NO_PLACE =
  "it does not lie in the layout of a Conan server (NAME/VERSION/USER/CHANNEL/REVISION/export/FILE or " +
  ".../REVISION/package/ID/REVISION/FILE)";

/** Reads a path from its end. Identity is there and nowhere else: the files do not know user, channel and package id. */
export function parseConanPath(path: string): ConanPlace {
  const segments = path.split(/[/\\]/);
  const last = segments.length - 1;
  const metadata = segments.flatMap((segment, at) => (segment === "metadata" && at < last ? [at] : [])).toReversed();
  const end = [last, ...metadata].find((at) => REVISION.test(segments[revisionAt(segments, at)] ?? ""));
  if (end === undefined) throw invalid(NO_PLACE);
  const at = revisionAt(segments, end);
  const [name, version, user, channel, recipeRevision] = segments.slice(Math.max(0, at - 4), at + 1);
  if (recipeRevision === undefined) throw invalid(NO_PLACE);
  const inRecipe = segments[end - 1] === "export";
  const place = { name: name!, version: version!, user: user!, channel: channel!, recipeRevision };
  const file = segments.slice(end).join("/");
  checkPlace(place, file, end !== last, inRecipe);
  const depth = last - at;
  if (inRecipe) return { ...place, file, depth };
  const [id, revision] = [segments[end - 2]!, segments[end - 1]!];
  if (!PACKAGE_ID.test(id)) throw invalid(`its folder ${quoted(id)} is not an id of Conan packages`);
  if (!REVISION.test(revision)) throw invalid(`its folder ${quoted(revision)} is not a Conan revision`);
  return { ...place, package: { id, revision }, file, depth };
}

/** Where the recipe's revision would stand if a recipe's or a package's own file stood at `end`. */
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
