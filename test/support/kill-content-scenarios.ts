import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { sha256 } from "./bytes.ts";
import type { Installation } from "./databases.ts";
import type { KillScenario } from "./kill-scenarios.ts";
import { writePackages } from "./package-set.ts";

/** What the scenarios of migrations and imports have, too. */
export interface FeedSteps {
  feed(round: string): string;
  /** Creates the feed, and writes packages to import. */
  create(place: Installation, round: string, type: "disk"): Promise<void>;
  state(place: Installation, round: string): Promise<unknown>;
  /** Folder of the packages to import. */
  packages(place: Installation): string;
}

/** Commands that take files from other places, or delete by rules. */
export function contentScenarios({ feed, create, state, packages }: FeedSteps): Record<string, KillScenario> {
  const dropPath = (place: Installation, round: string) => place.path("drops", round);
  return {
    importMove: {
      name: "import --move",
      async prepare(place, round) {
        await create(place, round, "disk");
        writePackages(place.path("moved", round), 40, { size: 4_000 });
      },
      command: (place, round) => ["import", feed(round), place.path("moved", round), "--move"],
      state: async (place, round) => [await state(place, round), contentsOf(place.path("moved", round))],
    },
    dropScan: {
      name: "drop scan",
      async prepare(place, round) {
        await create(place, round, "disk");
        writePackages(dropPath(place, round), 40, { size: 4_000 });
        await place.run("drop", "set", feed(round), dropPath(place, round));
      },
      command: (_place, round) => ["drop", "scan", "--feed", feed(round), "--settle", "0"],
      state: async (place, round) => [await state(place, round), contentsOf(dropPath(place, round))],
    },
    mirror: {
      name: "mirror of a folder onto another",
      async prepare(place, round) {
        writePackages(place.path("mirrored", round, "new"), 60, { size: 8_000 });
        const target = place.path("mirrors", round);
        writePackages(join(target, "old"), 30, { size: 8_000, seed: 2 });
        // others have the same names and other content
        writePackages(join(target, "new"), 15, { size: 7_000, seed: 3 });
      },
      command: (place, round) => [
        "mirror",
        place.path("mirrored", round),
        place.path("mirrors", round),
        "--yes",
        "--max-delete",
        "100%",
      ],
      state: async (place, round) => contentsOf(place.path("mirrors", round)),
    },
    retentionRun: {
      name: "retention run",
      async prepare(place, round) {
        await create(place, round, "disk");
        for (let minor = 0; minor < 30; minor++)
          writePackages(place.path("versions"), 2, { version: `1.${minor}.0`, prefix: "many", seed: minor });
        await place.run("import", feed(round), packages(place), place.path("versions"));
        await place.run("retention", "rule", "add", feed(round), "--keep-versions-count", "3");
      },
      command: (_place, round) => ["retention", "run", feed(round), "--yes"],
      // Its blobs may still be pending deletes, which the next run of the feed carries out.
      async state(place, round) {
        await place.run("verify", feed(round), "--repair");
        return state(place, round);
      },
    },
    assetUpload: {
      name: "asset upload",
      async prepare(place, round) {
        await place.run("feed", "create", feed(round), "--type", "asset");
        await place.run("store", "set", feed(round), "disk", "--path", place.path("stores", round));
        // Some of the files exist with other content.
        writePackages(place.path("assets", "old"), 20, { size: 5_000, seed: 2 });
        writePackages(place.path("assets", "new"), 60, { size: 5_000 });
        await place.run("asset", "upload", feed(round), `${place.path("assets", "old")}/`, "--recursive");
      },
      command: (place, round) => [
        "asset",
        "upload",
        feed(round),
        `${place.path("assets", "new")}/`,
        "--recursive",
        "--if-changed",
      ],
      state: (place, round) => assetsState(place, feed(round)),
    },
  };
}

/** Hashes of the files below a folder, by path. */
function contentsOf(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.toSorted().map((file) => [relative(folder, file), sha256(readFileSync(file))]));
}

/** The files of an asset directory, and what its verification counts. */
export async function assetsState(place: Installation, directory: string) {
  const files = (await place.run("asset", "list", directory, "--recursive", "--json")).json();
  const verified = (await place.run("verify", directory, "--read", "--json")).summary();
  const { match, differ, missingBlob, missingRow } = verified as Record<string, number>;
  return {
    files: (files as Record<string, unknown>[]).map(({ path, size }) => [path, size]),
    counts: { match, differ, missingBlob, missingRow },
  };
}
