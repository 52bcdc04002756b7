import { cpSync, writeFileSync } from "node:fs";
import type { Installation } from "./databases.ts";
import { writePackages } from "./package-set.ts";

/** A command whose lock connection is cut, and what others do before the command goes on. */
export interface CutScenario {
  /** Prepares a new feed of this name. */
  prepare(place: Installation, feed: string): Promise<void>;
  command(place: Installation, feed: string): string[];
  /** Whether the command said that it leaves files behind, so that their rows have no blob. */
  leavesFiles?: (said: string) => boolean;
  /** Packages that the feed has when the command was run again. */
  holds?: string[];
  /** The others. They must not fail with a bug, but may find the feed locked or gone. */
  others(place: Installation, feed: string): string[][];
}

const disk = (place: Installation, feed: string, name: string) => ["disk", "--path", place.path("stores", feed, name)];

/** Packages in a folder of the feed's own. `seed`: other bytes for another seed. */
function packages(place: Installation, feed: string, prefix: string, seed = 1): string {
  const folder = place.path("in", feed, `${prefix}-${seed}`);
  writePackages(folder, 2, { prefix, seed });
  return folder;
}

async function createFeed(place: Installation, feed: string, type = "npm"): Promise<void> {
  await place.run("feed", "create", feed, "--type", type);
  await place.run("store", "set", feed, ...disk(place, feed, "old"));
}

async function filledFeed(place: Installation, feed: string): Promise<void> {
  await createFeed(place, feed);
  await place.run("import", feed, packages(place, feed, "pack"));
}

async function copiedFeed(place: Installation, feed: string): Promise<void> {
  await filledFeed(place, feed);
  await place.run("migrate", "start", feed, "--to", ...disk(place, feed, "new"));
  await place.run("import", feed, packages(place, feed, "more"));
}

async function migratedFeed(place: Installation, feed: string): Promise<void> {
  await filledFeed(place, feed);
  await place.run("migrate", "run", feed, "--to", ...disk(place, feed, "new"), "--cutover", "auto");
}

async function retainedFeed(place: Installation, feed: string): Promise<void> {
  await filledFeed(place, feed);
  await place.run("retention", "rule", "add", feed, "--delete-package-ids", "pack-*");
}

/** A file with this text, in a folder of its own. */
function file(place: Installation, feed: string, text: string): string {
  const folder = place.path("files", feed, text);
  writePackages(folder, 0);
  writeFileSync(`${folder}/a.txt`, text);
  return `${folder}/a.txt`;
}

async function filledDirectory(place: Installation, feed: string): Promise<void> {
  await createFeed(place, feed, "asset");
  await place.run("asset", "versioning", feed, "on");
  await place.run("asset", "upload", feed, file(place, feed, "first"));
}

const repair = (feed: string) => ["verify", feed, "--repair"];
const importSame = (place: Installation, feed: string) => ["import", feed, packages(place, feed, "pack")];
const importMore = (place: Installation, feed: string) => ["import", feed, packages(place, feed, "late")];
const uploadOther = (place: Installation, feed: string) => {
  const path = file(place, feed, "third");
  return ["asset", "upload", feed, path, "--overwrite"];
};

export const cutScenarios: Record<string, CutScenario> = {
  import: {
    prepare: createFeed,
    command: importSame,
    others: (place, feed) => [repair(feed), importMore(place, feed)],
  },
  "import --overwrite": {
    prepare: filledFeed,
    command: (place, feed) => ["import", feed, packages(place, feed, "pack", 2), "--overwrite"],
    others: (_place, feed) => [repair(feed)],
  },
  "import --move": {
    prepare: createFeed,
    command(place, feed) {
      const folder = place.path("in", feed, "moving");
      cpSync(packages(place, feed, "pack"), folder, { recursive: true });
      return ["import", feed, folder, "--move"];
    },
    others: (place, feed) => [repair(feed), importMore(place, feed)],
    holds: ["pack-000", "pack-001"],
  },
  "drop scan": {
    async prepare(place, feed) {
      await createFeed(place, feed);
      const drop = place.path("drop", feed);
      cpSync(packages(place, feed, "pack"), drop, { recursive: true });
      await place.run("drop", "set", feed, drop);
    },
    command: (_place, feed) => ["drop", "scan", "--feed", feed, "--settle", "0s"],
    others: (place, feed) => [
      repair(feed),
      ["drop", "scan", "--feed", feed, "--settle", "0s"],
      importMore(place, feed),
    ],
  },
  "package delete": {
    prepare: filledFeed,
    command: (_place, feed) => ["package", "delete", feed, "pack-000", "--all-versions", "--yes"],
    others: (place, feed) => [importSame(place, feed), repair(feed), importSame(place, feed)],
  },
  "retention run": {
    prepare: retainedFeed,
    command: (_place, feed) => ["retention", "run", feed, "--yes"],
    others: (place, feed) => [importSame(place, feed), repair(feed), importSame(place, feed)],
  },
  quarantine: {
    prepare: retainedFeed,
    command: (_place, feed) => ["retention", "run", feed, "--yes", "--quarantine", "7"],
    others: (place, feed) => [["retention", "run", feed, "--yes"], importSame(place, feed)],
  },
  adopt: {
    async prepare(place, feed) {
      await createFeed(place, feed);
      cpSync(packages(place, feed, "pack"), place.path("stores", feed, "old"), { recursive: true });
    },
    command: (_place, feed) => ["adopt", feed],
    others: (_place, feed) => [repair(feed), ["package", "delete", feed, "pack-000", "--all-versions", "--yes"]],
  },
  "asset upload": {
    prepare: filledDirectory,
    command: (place, feed) => ["asset", "upload", feed, file(place, feed, "second"), "--overwrite"],
    others: (_place, feed) => [repair(feed)],
  },
  "asset delete": {
    prepare: filledDirectory,
    command: (_place, feed) => ["asset", "delete", feed, "a.txt", "--yes"],
    others: (place, feed) => [uploadOther(place, feed), repair(feed)],
  },
  "asset move": {
    prepare: filledDirectory,
    command: (_place, feed) => ["asset", "move", feed, "a.txt", "b.txt"],
    others: (place, feed) => [repair(feed), uploadOther(place, feed)],
  },
  "asset set-metadata": {
    prepare: filledDirectory,
    command: (_place, feed) => ["asset", "set-metadata", feed, "a.txt", "by=test"],
    others: (place, feed) => [uploadOther(place, feed), repair(feed)],
  },
  "migrate run": {
    prepare: filledFeed,
    command: (place, feed) => ["migrate", "run", feed, "--to", ...disk(place, feed, "new"), "--cutover", "auto"],
    others: (place, feed) => [
      importMore(place, feed),
      ["package", "delete", feed, "pack-000", "--all-versions", "--yes"],
      repair(feed),
    ],
  },
  "migrate cutover": {
    prepare: copiedFeed,
    command: (_place, feed) => ["migrate", "cutover", feed],
    others: (place, feed) => [
      importMore(place, feed),
      ["package", "delete", feed, "pack-000", "--all-versions", "--yes"],
    ],
  },
  "migrate cancel": {
    prepare: copiedFeed,
    command: (_place, feed) => ["migrate", "cancel", feed],
    others: (_place, feed) => [["migrate", "resume", feed, "--cutover", "auto"]],
  },
  "migrate rollback": {
    prepare: migratedFeed,
    command: (_place, feed) => ["migrate", "rollback", feed],
    others: (place, feed) => [
      importMore(place, feed),
      ["package", "delete", feed, "pack-000", "--all-versions", "--yes"],
    ],
  },
  "migrate retire": {
    prepare: migratedFeed,
    command: (_place, feed) => ["migrate", "retire", feed, "--yes"],
    others: (_place, feed) => [["migrate", "rollback", feed]],
  },
  "store set": {
    prepare: createFeed,
    command: (place, feed) => ["store", "set", feed, ...disk(place, feed, "new")],
    others: (place, feed) => [importMore(place, feed)],
    leavesFiles: (said) => said.includes("2 files (4.4 KiB)"),
  },
  "feed delete": {
    prepare: filledFeed,
    command: (_place, feed) => ["feed", "delete", feed, "--purge-files", "--yes"],
    others: (place, feed) => [importMore(place, feed), repair(feed)],
  },
};
