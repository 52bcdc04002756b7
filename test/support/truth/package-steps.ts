import { existsSync } from "node:fs";
import { npmTarball } from "../fixtures/packages.ts";
import type { Answer, Step } from "./world.ts";

const npm = (name: string, version: string, text = ""): Buffer => npmTarball({ name, version, files: { text } });

export function keysWith(events: readonly Answer[], member: string, value: string, key = "key"): string[] {
  const found = events.filter((event) => event[member] === value);
  return found.map((event) => String(event[key])).toSorted();
}

/** The temporary file of a killed writer in the store of `pk`. */
const unfinished = "stores/pk/.feedctl-0123456789abcdef.tmp";

/** What an import adds, or replaces. */
const packages = ["file/pk", "blob/pk", "version/pk", "status/pk"];

/** A command that adds packages. That each of their rows has its blob is asserted after every step. */
function importing(command: string, status: string, args: Step["args"], prepare: Step["prepare"]): Step {
  const claims: Step["claims"] = (last, change, events) => {
    const { count, bytes, names } = change.added("file/pk");
    return {
      said: { count: last[status], bytes: last["bytes"], keys: keysWith(events, "status", status) },
      is: { count, bytes, keys: names },
    };
  };
  return { command, args, prepare, may: packages, claims };
}

/** Packages in a store: which files, keys and bytes a command reports. */
export const packageSteps: readonly Step[] = [
  importing(
    "import",
    "imported",
    ({ place }) => ["pk", place.path("in")],
    ({ write }) => {
      for (const version of ["1.0.0", "1.1.0", "2.0.0"]) write(`in/left-${version}.tgz`, npm("left", version));
      write("in/right.tgz", npm("@our/right", "1.0.0", "x".repeat(1000)));
    },
  ),
  {
    diskOnly: true,
    command: "import",
    args: ({ place }) => ["pk", place.path("in")],
    may: [],
    claims: ({ imported, existing, bytes }) => ({ said: [imported, existing, bytes], is: [0, 4, 0] }),
  },
  {
    command: "import",
    prepare: ({ write }) => write("other/left.tgz", npm("left", "1.0.0", "other bytes")),
    args: ({ place }) => ["pk", place.path("other"), "--overwrite"],
    may: packages,
    claims(last, change, events) {
      const { count, bytes, names } = change.changed("blob/pk");
      return {
        said: [last["imported"], last["overwritten"], last["bytes"], keysWith(events, "status", "overwritten")],
        is: [count, count, bytes, names],
      };
    },
  },
  importing(
    "adopt",
    "adopted",
    () => ["pk"],
    ({ places }) => places.pk.put("late/-/late-1.0.0.tgz", npm("late", "1.0.0")),
  ),
  importing(
    "drop scan",
    "imported",
    () => ["--settle", "0s"],
    async ({ write, place }) => {
      write("drop/drop.tgz", npm("drop", "1.0.0"));
      await place.run("drop", "set", "pk", place.path("drop"));
    },
  ),
  {
    diskOnly: true,
    command: "drop scan",
    prepare: ({ write }) => write("drop/bad.tgz", "no package"),
    args: ({ place }) => ["--settle", "0s", "--reject-to", place.path("out")],
    code: 3,
    may: ["local"],
    claims: (last, change, _events, { place }) => ({
      said: [last["imported"], last["invalid"], last["rejected"], existsSync(place.path("drop", "drop.tgz"))],
      is: [0, 1, change.added("local").names.filter((name) => !name.endsWith(".reason.txt")).length, false],
    }),
  },
  {
    diskOnly: true,
    command: "package download",
    args: ({ place }) => ["pk", "left@1.1.0", "--output", place.path("out", "saved.tgz")],
    may: ["local"],
    claims: ({ file, size }, change, _events, { place }) => ({
      said: { file, size },
      is: { file: place.path("out", change.added("local").names[0] ?? ""), size: change.added("local").bytes },
    }),
  },
  {
    command: "package delete",
    args: () => ["pk", "left@1.1.0", "--yes"],
    may: packages,
    claims({ deleted }, change) {
      type Deleted = { name: string; version: string; files: { key: string; size: number }[] };
      const [version, ...more] = deleted as Deleted[];
      const { names, bytes } = change.removed("blob/pk");
      return {
        said: [`${version?.name}@${version?.version}`, version?.files.map(({ key, size }) => [key, size]), more],
        is: [change.removed("version/pk").names[0], [[names[0], bytes]], []],
      };
    },
  },
  {
    command: "mirror",
    args: ({ place }) => ["pk", place.path("out", "copy"), "--yes", "--max-delete", "1"],
    prepare: ({ write }) => ["extra", "left/-/left-2.0.0.tgz"].map((path) => write(`out/copy/${path}`, "old")),
    may: ["local"],
    claims(last, change, events) {
      const copied = [change.added("local"), change.changed("local")];
      return {
        said: [last["copied"], last["bytes"], last["deleted"], keysWith(events, "outcome", "copied")],
        is: [
          copied.reduce((sum, { count }) => sum + count, 0),
          copied.reduce((sum, { bytes }) => sum + bytes, 0),
          change.removed("local").count,
          copied.flatMap(({ names }) => names.map((name) => name.replace("copy/", ""))).toSorted(),
        ],
      };
    },
  },
  {
    command: "retention run",
    prepare: ({ place }) =>
      place.run("retention", "rule", "add", "pk", "--delete-package-ids", "left", "--keep-versions-count", "1"),
    args: () => ["pk", "--yes"],
    may: packages,
    claims(last, change) {
      const { count, bytes } = change.removed("blob/pk");
      return {
        said: [last["deleted"], last["blobs"], last["plannedBytes"], last["waiting"], last["bytes"], last["keptBytes"]],
        is: [change.removed("version/pk").count, count, bytes, 0, change.freed("pk"), bytes - change.freed("pk")],
      };
    },
  },
  {
    diskOnly: true,
    command: "retention run",
    prepare: async ({ place }) => {
      await place.run("retention", "rule", "remove", "pk", "1");
      await place.run("retention", "rule", "add", "pk", "--delete-package-ids", "late");
    },
    args: () => ["pk", "--yes", "--quarantine", "5"],
    may: ["version/pk"],
    claims: (last, change) => ({
      said: [last["hidden"], last["deleted"], last["blobs"], last["bytes"]],
      is: [change.changed("version/pk").count, 0, 0, 0],
    }),
  },
  {
    diskOnly: true,
    command: "retention restore",
    args: () => ["pk", "late@1.0.0", "--protect"],
    may: ["version/pk", "protection/pk"],
    claims: (last, change) => ({
      said: (last["versions"] as Answer[]).map(({ name, version }) => `${String(name)}@${String(version)}`),
      is: change.changed("version/pk").names,
    }),
  },
  {
    command: "verify",
    async prepare({ place, places }) {
      await places.pk.put("orphan", Buffer.from("left behind"));
      await place.rows(`insert into feedctl.pending_deletes (store_id, key, run_id, created_at)
        select s.id, 'orphan', (select max(id) from feedctl.runs), now()
        from feedctl.stores s join feedctl.feeds f on f.id = s.feed_id where f.name = 'pk' and s.role = 'current'`);
    },
    args: () => ["pk", "--repair", "--read"],
    may: ["blob/pk", "pending"],
    claims: (last, change) => ({
      said: [last["repaired"], last["missingRow"], last["missingBlob"], last["differ"]],
      is: [change.removed("blob/pk").count, 0, 0, 0],
    }),
  },
  {
    command: "feed clear-cached",
    prepare: ({ place }) => place.rows("update feedctl.versions set cached = true where version = '2.0.0'"),
    args: () => ["pk", "--yes"],
    may: packages,
    claims: (last, change) => ({
      said: [last["versions"], last["files"]],
      is: [change.removed("version/pk").count, change.removed("blob/pk").count],
    }),
  },
  {
    diskOnly: true,
    command: "store usage",
    args: () => ["pk"],
    may: [],
    claims: ({ catalog, store }) => {
      const { blobs, bytes } = store as { blobs: number; bytes: number };
      return { said: catalog, is: { files: blobs, bytes } };
    },
  },
  {
    diskOnly: true,
    command: "store clean",
    prepare: (world) => world.write(unfinished, "half a blob"),
    args: () => ["pk", "--yes"],
    may: ["blob/pk"],
    claims: (last, change, events) => ({
      said: [last["discarded"], last["bytes"], keysWith(events, "status", "discarded", "name")],
      is: [1, 11, change.removed("blob/pk").names],
    }),
  },
];
