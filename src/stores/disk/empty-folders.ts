// A store has no folders of its own. A mirror between two disks may still be asked for equal trees.
import { readdirSync, rmdirSync } from "node:fs";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { openFolderBelow, openFolderSync, type Folder } from "../../lib/files/open-folder.ts";
import { keyProblem } from "../../lib/key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import { diskError, errnoOf } from "./errors.ts";

/** The folders below a directory, by their keys. */
export interface FolderTree {
  all: ReadonlySet<string>;
  /** Those with nothing but folders in them, each before its own. */
  empty: string[];
}

/** How many folders are read before the event loop gets its turn. */
const BATCH = 200;

/** Reads all folders below `root`. Follows no link. What `isHidden` names is passed over, as if it held files. */
export async function listFolders(
  root: string,
  { isHidden, signal }: { isHidden: (key: string) => boolean; signal: AbortSignal },
): Promise<FolderTree> {
  const all = new Set<string>();
  const full = new Set<string>();
  const waiting = [""];
  try {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      if (all.size % BATCH === 0) await yieldToEvents();
      throwIfInterrupted(signal);
      using folder = openBelow(root, key);
      if (folder === undefined) continue;
      if (key !== "") all.add(key);
      for (const entry of readdirSync(folder.self, { withFileTypes: true })) {
        const below = key === "" ? entry.name : `${key}/${entry.name}`;
        const isPlain = entry.isDirectory() && keyProblem(below) === undefined && !entry.name.includes("\ufffd");
        if (isPlain && !isHidden(below)) waiting.push(below);
        else for (let up = key; up !== "" && !full.has(up); up = parentOf(up)) full.add(up);
      }
    }
  } catch (error) {
    throw diskError(error, "list", root);
  }
  return { all, empty: [...all].filter((key) => !full.has(key)) };
}

/** Undefined: it does not exist any more. */
function openBelow(root: string, key: string): Folder | undefined {
  try {
    let folder = openFolderSync(root);
    for (const segment of key === "" ? [] : key.split("/")) {
      using parent: Folder = folder;
      folder = parent.folderSync(segment);
    }
    return folder;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

const parentOf = (key: string) => key.slice(0, Math.max(0, key.lastIndexOf("/")));

/** Makes a folder below `root`, and those above it. Follows no link. */
export async function makeFolderBelow(root: string, key: string): Promise<void> {
  try {
    using _made = await openFolderBelow(root, key.split("/"), { create: true });
  } catch (error) {
    throw diskError(error, "make", `${root}/${key}`);
  }
}

/** Removes a folder below `root` unless something is in it. Follows no link. Returns whether it is gone. */
export function removeFolderBelow(root: string, key: string): boolean {
  try {
    using parent = openBelow(root, parentOf(key));
    if (parent !== undefined) rmdirSync(parent.at(key.slice(key.lastIndexOf("/") + 1)));
    return true;
  } catch (error) {
    const code = errnoOf(error) ?? "";
    if (code === "ENOENT") return true;
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR", "ELOOP"].includes(code)) return false;
    throw diskError(error, "delete", `${root}/${key}`);
  }
}
