import { join } from "node:path";
import { updateFeed } from "../../src/catalog/feeds.ts";
import { saveRules } from "../../src/catalog/retention/rules.ts";
import type { Context } from "../../src/operations/context.ts";
import { scanDropPaths } from "../../src/operations/drop/scan.ts";
import { importPackages } from "../../src/operations/import/import.ts";
import { migrateFeed } from "../../src/operations/migrate/migrate-feed.ts";
import { changeStatus } from "../../src/operations/packages/status.ts";
import { deletePackage, parsePackageSpec, requireVersions } from "../../src/operations/packages/packages.ts";
import { runRetention } from "../../src/operations/retention/run.ts";
import { verifyFeed } from "../../src/operations/verify/verify.ts";
import type { Random } from "../support/random.ts";
import type { Work, World } from "./world.ts";

/** What one process of a schedule does. */
export interface Deed {
  kind: Kind;
  name: string;
  work: Work;
  /** The packages that it adds, by fixture. */
  adds: readonly string[];
  /** The packages that it may delete, as `name@version`. */
  removes: readonly string[];
  /** Source files that it deletes once their package is in the feed, by fixture. */
  moves: ReadonlyMap<string, string>;
  /** Whether its second run leaves nothing to do for the third. */
  settles: boolean;
}

interface Draw {
  random: Random;
  /** Of the process in its schedule. */
  number: number;
  /** The package that the processes of this schedule prefer, so that they get in one another's way. */
  hot: string | undefined;
  /** What the process overwrites while another one overwrites it with something else. */
  clash: (typeof NEW)[number] | undefined;
}

type Maker = (world: World, draw: Draw) => Omit<Deed, "kind">;

const nothing = { adds: [], removes: [], moves: new Map<string, string>(), settles: true };

const NEW = ["a@1.0.0:x", "a@1.0.0:y", "a@1.0.0:z", "b@1.0.0:x", "b@3.0.0:x", "c@1.0.0:x", "c@1.0.0:y"] as const;
const VERSIONS = ["a@1.0.0", "b@1.0.0", "b@2.0.0"] as const;

function pickFrom<Id extends string>(ids: readonly Id[], { random, hot }: Draw): Id {
  const preferred = ids.filter((id) => id.startsWith(`${hot}@`));
  return random.pick(preferred.length > 0 ? preferred : ids);
}

/** The kinds of processes that meet in a schedule. */
const makers = {
  import(world, draw) {
    const { random, number, clash } = draw;
    const id = clash ?? pickFrom(NEW, draw);
    const overwrite = clash !== undefined || random.chance(0.5);
    const move = random.chance(0.4);
    const { byId, write } = world.fixtures;
    const path = move ? write(id, join(world.folder, `import-${number}`)) : byId.get(id)!.path;
    return {
      ...nothing,
      name: `import ${id}${overwrite ? " --overwrite" : ""}${move ? " --move" : ""}`,
      work: (context) =>
        listAll(importPackages(context, { feeds: [world.feed.name], paths: [path], cwd: "/", overwrite, move })),
      adds: [id],
      moves: new Map(move ? [[id, path]] : []),
    };
  },
  drop(world, draw) {
    const ids = [pickFrom(NEW, draw), ...(draw.random.chance(0.3) ? ["b@3.0.0:x"] : [])];
    const moves = new Map(ids.map((id) => [id, world.fixtures.write(id, join(world.folder, "drop"))]));
    return {
      ...nothing,
      name: `drop scan of ${ids.join(" ")}`,
      work: (context) => listAll(scanDropPaths(context, { feed: world.feed.name, settle: 0 })),
      adds: ids,
      moves,
    };
  },
  delete(world, draw) {
    const version = pickFrom(VERSIONS, draw);
    return {
      ...nothing,
      name: `package delete ${version}`,
      async work(context: Context) {
        const found = await requireVersions(context, world.feed.name, parsePackageSpec(version));
        return deletePackage(context, world.feed.name, found);
      },
      removes: [version],
    };
  },
  retention(world, { random }) {
    const quarantineDays = random.chance(0.4) ? 0 : undefined;
    return {
      ...nothing,
      name: `retention run${quarantineDays === undefined ? "" : " with quarantine"}`,
      work: (context) =>
        listAll(runRetention(context, { feeds: [world.feed.name], quarantineDays, async approve() {} })),
      removes: ["b@1.0.0", "b@2.0.0", "b@3.0.0"],
      settles: quarantineDays === undefined, // one run hides, a later one deletes
    };
  },
  migrate(world) {
    return {
      ...nothing,
      name: `migrate run${world.cached === undefined ? "" : " --cached skip"}`,
      removes: world.cached === undefined ? [] : [world.cached],
      work: (context) =>
        listAll(
          migrateFeed(context, {
            feed: world.feed.name,
            goal: { to: "disk", options: { path: world.second } },
            cutover: "auto",
            cached: world.cached === undefined ? undefined : "skip",
            alone: true,
          }),
        ),
    };
  },
  status(world) {
    const version = world.cached ?? "b@1.0.0";
    return {
      ...nothing,
      name: `package status ${version} --cached false`,
      work: (context) =>
        changeStatus(context, world.feed.name, parsePackageSpec(version), { change: { cached: false }, dryRun: false }),
    };
  },
  verify(world) {
    return {
      ...nothing,
      name: "verify --repair",
      work: (context) => listAll(verifyFeed(context, { feed: world.feed.name, repair: true })),
    };
  },
} satisfies Record<string, Maker>;

type Kind = keyof typeof makers;

export const kinds = ["import", "drop", "delete", "retention", "migrate", "verify", "status"] as const;
/** How often each kind is drawn. */
const drawn = [
  "import",
  "import",
  "import",
  "drop",
  "delete",
  "delete",
  "retention",
  "migrate",
  "migrate",
  "verify",
] as const;

/** The same for a feed with a cached version, which a migration may leave behind. */
const drawnIfCached = [...drawn, "migrate", "migrate", "status", "status", "status"] as const;

/** Kinds that meet at one package or at the place of the feed. Imports that meet overwrite it with different contents. */
const encounters = [
  ["import", "migrate"],
  ["drop", "migrate"],
  ["delete", "import"],
  ["delete", "drop"],
  ["import", "import"],
  ["import", "import"],
] as const;

/** The encounter in a feed with a cached version. */
const encountersIfCached = [["migrate", "status"]] as const;
const CLASH = ["a@1.0.0:y", "a@1.0.0:z"] as const;

/** Two to four processes that work on the same feed. */
export function drawDeeds(world: World, random: Random): Deed[] {
  const meets = random.chance(0.5)
    ? random.pick<readonly [Kind, Kind]>(world.cached === undefined ? encounters : encountersIfCached)
    : undefined;
  const hot = meets !== undefined || random.chance(0.6) ? random.pick(["a", "b", "c"]) : undefined;
  const count = random.pick([2, 2, 2, 2, 3, 3, 4]);
  const all: Kind[] = Array.from({ length: count }, () =>
    random.pick(world.cached === undefined ? drawn : drawnIfCached),
  );
  if (meets !== undefined) all.splice(0, 2, ...meets);
  // one drop path, one scan: a second one would find the same files
  const wanted = all.map((kind, index) => (kind === "drop" && all.indexOf(kind) < index ? "import" : kind));
  return wanted.map((kind, index) => {
    const clash = meets !== undefined && meets[0] === "import" && meets[1] === "import" ? CLASH[index] : undefined;
    const deed = makers[kind](world, { random, number: index, hot, clash });
    return { ...deed, kind, name: `${index + 1} ${deed.name}` };
  });
}

/** What only some kinds need: rules, a drop path. */
export async function prepare({ server, feed, folder }: World, deeds: readonly Kind[]): Promise<void> {
  const { db } = server.catalog;
  const criteria = { deletePackageIds: ["b"], keepVersionsCount: 1 };
  if (deeds.includes("retention"))
    await saveRules(db, feed.id, [{ name: null, enabled: true, protectAcross: false, criteria }]);
  if (deeds.includes("drop")) await updateFeed(db, feed.id, { drop_path: join(folder, "drop") });
}

async function listAll<T>(events: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(events);
}
