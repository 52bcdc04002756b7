import { zipArchive } from "../fixtures/zip.ts";
import { keysWith } from "./package-steps.ts";
import type { Change } from "./state.ts";
import type { Answer, Step } from "./world.ts";

const assets = ["file/site", "blob/site", "asset/site", "folder/site"];
const history = [...assets, "kept/site"];

const stored = (last: Answer) => ({ count: last["stored"], bytes: last["bytes"], folders: last["folders"] });
const newFiles = (change: Change) => {
  const { count, bytes } = change.added("file/site");
  return { count, bytes, folders: change.added("folder/site").names.filter((name) => name !== "").length };
};

/** A command that adds files. */
function adding(command: string, args: Step["args"], prepare?: Step["prepare"]): Step {
  return {
    command,
    args,
    prepare,
    may: assets,
    claims: (last, change, events) => ({
      said: [stored(last), keysWith(events, "status", "stored", "path")],
      is: [newFiles(change), change.added("file/site").names],
    }),
  };
}

/** A command that changes a member of files. */
const describing = (command: string, ...words: string[]): Step => ({
  diskOnly: command === "asset set-cache",
  command,
  args: () => ["site", ...words],
  may: ["asset/site", "folder/site", "blob/site"],
  claims: (last, change) => ({ said: last["files"], is: change.changed("asset/site").count }),
});

/** Files in an asset directory. */
export const assetSteps: readonly Step[] = [
  adding(
    "asset upload",
    ({ place }) => ["site", `${place.path("tree")}/`, "--recursive"],
    ({ write }) => {
      write("tree/a.txt", "first");
      write("tree/sub/b.txt", "second text");
      write("tree/sub/deep/c.bin", Buffer.alloc(3000, 1));
    },
  ),
  {
    diskOnly: true,
    command: "asset upload",
    args: ({ place }) => ["site", `${place.path("tree")}/`, "--recursive"],
    may: [],
    claims: (last) => ({ said: [last["stored"], last["unchanged"], last["bytes"]], is: [0, 3, 0] }),
  },
  {
    diskOnly: true,
    command: "asset mkdir",
    args: () => ["site", "empty/inner"],
    may: ["folder/site"],
    claims: (last, change) => ({ said: last["created"], is: change.added("folder/site").count }),
  },
  adding("asset copy", () => ["site", "sub", "twin"]),
  {
    command: "asset move",
    args: () => ["site", "twin/b.txt", "moved/b.txt"],
    may: assets,
    claims: (last, change, events) => ({
      said: [
        last["stored"],
        last["bytes"],
        keysWith(events, "status", "stored", "path"),
        keysWith(events, "status", "stored", "from"),
      ],
      is: [
        change.added("blob/site").count,
        change.added("blob/site").bytes,
        change.added("file/site").names,
        change.removed("file/site").names,
      ],
    }),
  },
  adding(
    "asset import-archive",
    ({ place }) => ["site", place.path("pack.zip"), "--to", "unpacked"],
    ({ write }) =>
      write(
        "pack.zip",
        zipArchive([
          { name: "x/one.txt", body: "1" },
          { name: "two.txt", body: "22" },
        ]),
      ),
  ),
  describing("asset set-type", "a.txt", "text/markdown"),
  describing("asset set-cache", "a.txt", "no-cache"),
  describing("asset set-metadata", "a.txt", "colour=green"),
  {
    command: "asset versioning",
    args: () => ["site", "on"],
    may: ["feed/site"],
    claims: (last, change) => ({ said: [last["versioning"], change.changed("feed/site").count], is: [true, 1] }),
  },
  {
    command: "asset upload",
    prepare: ({ write }) => write("tree/a.txt", "second content"),
    args: ({ place }) => ["site", place.path("tree", "a.txt"), "--overwrite"],
    may: history,
    claims: (last, change) => ({
      said: [last["overwritten"], last["bytes"], 1],
      is: [change.changed("file/site").count, change.changed("file/site").bytes, change.added("kept/site").count],
    }),
  },
  {
    command: "asset restore",
    args: () => ["site", "a.txt"],
    may: history,
    claims: (last, change) => ({
      said: [last["path"], last["size"], last["status"]],
      is: [change.changed("file/site").names[0], change.changed("file/site").bytes, "overwritten"],
    }),
  },
  {
    command: "asset history",
    args: () => ["site", "--prune", "--yes"],
    may: ["kept/site", "blob/site"],
    claims: (last, change) => ({
      said: [last["versions"], last["bytes"]],
      is: [change.removed("kept/site").count, change.removed("blob/site").bytes],
    }),
  },
  {
    command: "asset delete",
    prepare: ({ place }) => place.run("asset", "versioning", "site", "off"),
    args: () => ["site", "unpacked", "--recursive", "--yes"],
    may: assets,
    claims: (last, change) => ({
      said: [last["files"], last["bytes"], last["folders"]],
      is: [change.removed("blob/site").count, change.removed("blob/site").bytes, change.removed("folder/site").count],
    }),
  },
  {
    command: "asset sync",
    prepare: ({ write }) => write("tree/new.txt", "new"),
    args: ({ place }) => [place.path("tree"), "site", "--yes", "--max-delete", "10"],
    may: assets,
    claims(last, change, events) {
      const [added, changed, removed] = [
        change.added("blob/site"),
        change.changed("blob/site"),
        change.removed("blob/site"),
      ];
      return {
        said: [last["copied"], last["bytes"], last["deleted"], keysWith(events, "outcome", "deleted")],
        is: [added.count + changed.count, added.bytes + changed.bytes, removed.count, removed.names],
      };
    },
  },
  {
    diskOnly: true,
    command: "asset export",
    args: ({ place }) => ["site", "sub", "--format", "zip", "--output", place.path("out", "sub.zip")],
    may: ["local"],
    claims: (last, change, _events, { place }) => ({
      said: [last["file"], last["files"], last["bytes"]],
      is: [place.path("out", change.added("local").names[0] ?? ""), 2, 3011],
    }),
  },
  {
    diskOnly: true,
    command: "asset download",
    args: ({ place }) => ["site", "sub", "--output", place.path("out", "tree")],
    may: ["local"],
    claims: (last, change) => ({
      said: [last["saved"], last["bytes"]],
      is: [change.added("local").count, change.added("local").bytes],
    }),
  },
];
