import { writeFileSync } from "node:fs";
import { npmTarball } from "../fixtures/packages.ts";
import type { Answer, Step } from "./world.ts";

/** A command that changes the one fact `name`, and prints it. */
function changing(
  command: string,
  args: Step["args"],
  name: string,
  said: (last: Answer) => unknown,
  is: unknown,
): Step {
  return {
    command,
    args,
    may: [name],
    leavesDifference: true,
    claims: (last, change) => ({
      said: [change.all, said(last)],
      is: [[name], is],
    }),
  };
}

const ruleCriteria = (last: Answer) => last["criteria"];

/** What is in the catalog alone, and does not depend on the kind of store. */
export const catalogSteps: readonly Step[] = [
  {
    command: "feed create",
    args: () => ["spare", "--type", "npm"],
    may: ["feed/spare", "store/spare"],
    claims: (last, change) => ({ said: last["name"], is: change.added("feed").names[0] }),
  },
  changing(
    "feed set",
    () => ["spare", "--description", "text"],
    "feed/spare",
    (last) => last["description"],
    "text",
  ),
  changing(
    "feed disable",
    () => ["spare"],
    "feed/spare",
    (last) => last["active"],
    false,
  ),
  changing(
    "feed enable",
    () => ["spare"],
    "feed/spare",
    (last) => last["active"],
    true,
  ),
  {
    command: "feed rename",
    args: () => ["spare", "other"],
    may: ["feed", "store/spare", "store/other"],
    claims: (last, change) => ({
      said: [last["name"], change.removed("feed").names],
      is: [change.added("feed").names[0], ["spare"]],
    }),
  },
  {
    command: "drop set",
    prepare: ({ write }) => write("delivered/x.tgz", npmTarball({ name: "x", version: "1.0.0" })),
    args: ({ place }) => ["other", place.path("delivered")],
    may: ["feed/other"],
    claims: (last, change, _events, { place }) => ({
      said: [last["dropPath"], change.changed("feed").count],
      is: [place.path("delivered"), 1],
    }),
  },
  changing(
    "drop clear",
    () => ["other"],
    "feed/other",
    (last) => last["dropPath"],
    null,
  ),
  changing(
    "retention rule add",
    () => ["other", "--keep-versions-count", "3", "--name", "first"],
    "rule/other/1",
    ruleCriteria,
    { keepVersionsCount: 3 },
  ),
  {
    command: "retention rule move",
    prepare: ({ place }) => place.run("retention", "rule", "add", "other", "--delete-cached", "--name", "second"),
    args: () => ["other", "second", "1"],
    may: ["rule/other"],
    claims: (last, change) => ({ said: [last["position"], change.changed("rule/other").count], is: [1, 2] }),
  },
  changing("retention rule set", () => ["other", "first", "--keep-versions-count", "5"], "rule/other/2", ruleCriteria, {
    keepVersionsCount: 5,
  }),
  {
    command: "retention rule remove",
    args: () => ["other", "second"],
    may: ["rule/other"],
    claims: (last, change) => ({ said: [last["name"], change.removed("rule/other").count], is: ["second", 1] }),
  },
  {
    command: "retention apply",
    prepare: ({ write }) =>
      write("rules.yaml", "feeds:\n  other:\n    rules:\n      - keepVersionsCount: 9\n        name: third\n"),
    args: ({ place }) => [place.path("rules.yaml")],
    may: ["rule/other", "feed/other"],
    claims: (last, change) => ({
      said: (last["changes"] as Answer[]).map((each) => String(each["change"])).toSorted(),
      // the one rule is another
      is: change.changed("rule/other").count === 1 ? ["added", "removed"] : [],
    }),
  },
  {
    command: "package protect",
    prepare: ({ place }) => place.run("import", "other", place.path("delivered")),
    args: () => ["other", "x"],
    may: ["protection/other"],
    claims: (last, change) => ({
      said: [last["pattern"], last["changed"], last["versions"]],
      is: [change.added("protection/other").names[0], true, 1],
    }),
  },
  {
    command: "package unprotect",
    args: () => ["other", "x"],
    may: ["protection/other"],
    claims: (last, change) => ({
      said: [last["pattern"], last["changed"]],
      is: [change.removed("protection/other").names[0], true],
    }),
  },
  {
    command: "package status",
    args: () => ["other", "x@1.0.0", "--deprecated", "use y", "--no-listed"],
    may: ["status/other"],
    claims: (last, change) => ({
      said: [`${String(last["name"])}@${String(last["version"])}`, last["changed"], last["listed"]],
      is: [change.changed("status/other").names[0], true, false],
    }),
  },
  {
    command: "package tag set",
    args: () => ["other", "x@1.0.0", "beta"],
    may: ["tag/other"],
    claims: (last, change) => ({
      said: [`${String(last["package"])}/${String(last["tag"])}`, last["version"], last["before"]],
      is: [change.added("tag/other").names[0], "1.0.0", null],
    }),
  },
  {
    command: "package tag remove",
    args: () => ["other", "x", "beta"],
    may: ["tag/other"],
    claims: (last, change) => ({
      said: [`${String(last["package"])}/${String(last["tag"])}`, last["version"], last["before"]],
      is: [change.removed("tag/other").names[0], null, "1.0.0"],
    }),
  },
  {
    command: "usage import",
    prepare: ({ place }) => {
      const line = (path: string) =>
        `10.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET ${path} HTTP/1.1" 200 5 "-" "npm"\n`;
      writeFileSync(place.path("access.log"), line("/x/-/x-1.0.0.tgz").repeat(3) + line("/none"));
    },
    args: ({ place }) => ["other", place.path("access.log"), "--prefix", "/", "--format", "combined"],
    may: ["downloads/other"],
    claims: (last, change) => ({
      said: [last["lines"], last["downloads"], last["unreadable"]],
      is: [4, change.added("downloads/other").count * 3, 0],
    }),
  },
  {
    command: "usage forget",
    args: ({ place }) => ["other", place.path("access.log")],
    may: ["downloads/other"],
    claims: (last, change) => ({
      said: [last["logs"], last["downloads"]],
      is: [1, change.removed("downloads/other").count * 3],
    }),
  },
  {
    command: "store set",
    args: ({ place }) => ["other", "disk", "--path", place.path("stores", "elsewhere")],
    may: ["store/other"],
    leavesDifference: true,
    claims: ({ outcome, leftBehind }, change) => ({
      said: [outcome, (leftBehind as Answer)["files"], change.changed("store/other").count],
      is: ["changed", 1, 1],
    }),
  },
  {
    command: "store mark",
    args: () => ["other", "--yes"],
    may: [],
    leavesDifference: true,
    claims: ({ found, of }) => ({ said: [found, of], is: [0, 1] }),
  },
  {
    command: "store test",
    args: () => ["pk"],
    may: [],
    leavesDifference: true,
    claims: ({ ok }, change) => ({ said: ok, is: change.all.length === 0 }),
  },
  {
    command: "settings set",
    args: () => ["FeedRetentionDryRun", "true"],
    may: ["setting"],
    claims: (last, change) => ({
      said: (last["setting"] as Answer)["name"],
      is: change.added("setting").names[0],
    }),
  },
  {
    command: "settings reset",
    args: () => ["FeedRetentionDryRun"],
    may: ["setting"],
    claims: (last, change) => ({
      said: (last["setting"] as Answer)["name"],
      is: change.removed("setting").names[0],
    }),
  },
  {
    command: "init",
    args: () => [],
    may: [],
    leavesDifference: true,
    claims: ({ applied }) => ({ said: applied, is: [] }),
  },
  {
    command: "db migrate",
    args: () => [],
    may: [],
    leavesDifference: true,
    claims: ({ applied }) => ({ said: applied, is: [] }),
  },
  {
    command: "db repair-sequences",
    args: () => [],
    may: [],
    leavesDifference: true,
    claims: (_last, _change, events) => ({ said: events, is: [] }),
  },
  {
    command: "secrets rotate",
    args: () => [],
    may: [],
    leavesDifference: true,
    claims: ({ sealed, failed }) => ({ said: [sealed, failed], is: [0, []] }),
  },
];

/** The last of all: the feed and its files go. */
export const lastSteps: readonly Step[] = [
  {
    command: "feed delete",
    args: () => ["site", "--purge-files", "--yes"],
    may: ["feed/site", "store/site", "file/site", "kept/site", "blob/site", "asset/site", "folder/site", "setting"],
    leavesDifference: true,
    claims: (last, change) => ({
      said: [last["deleted"], last["left"], change.removed("feed").names],
      is: [change.removed("blob/site").count, 0, ["site"]],
    }),
  },
];
