import { insertAuditEvents } from "../../catalog/runs.ts";
import { readSettings, removeSetting, saveSetting } from "../../catalog/settings.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { commit, commitUnless } from "../commit/commit.ts";
import { lockWholeFeeds } from "../commit/lock-feed.ts";
import type { Context } from "../context.ts";
import { loadSettings } from "../feed-store/effective-settings.ts";
import {
  findSetting,
  settingInfos,
  settingProblem,
  type Setting,
  type SettingInfo,
} from "../feed-store/setting-names.ts";
import { moveFeeds, refuseToLeaveFiles, type MovedFeed } from "./moved-feeds.ts";

/** Every setting with its effective value. */
export async function listSettings(context: Context): Promise<Setting[]> {
  return [...(await loadSettings(context, (await context.catalog()).db)).values()];
}

export async function getSetting(context: Context, name: string): Promise<Setting> {
  const info = requireSetting(name);
  return valueOf(await loadSettings(context, (await context.catalog()).db), info);
}

export interface SettingChange {
  setting: Setting;
  before: Setting;
  /** Feeds whose default directory changes; their files were not moved. */
  moved: MovedFeed[];
}

/** What to do with the files of feeds whose default directory changes. */
export interface ChangeOptions {
  /** The feeds keep their directories, which become explicit, until they are migrated. */
  keepFeeds?: boolean | undefined;
  /** Leave files behind. Without it and `keepFeeds` such a change throws `refused`. */
  leaveFiles?: boolean | undefined;
  /** Report what would change, and change nothing. */
  dryRun?: boolean | undefined;
}

/**
 * Saves a setting. An empty value makes the configuration file's value effective. Moves no files. Throws `usage`,
 * `not-found`, and `refused` when files would be left behind.
 */
export async function setSetting(
  context: Context,
  name: string,
  value: string,
  options: ChangeOptions = {},
): Promise<SettingChange> {
  const info = requireSetting(name);
  const checked = checkValue(context, info, value);
  const save = (db: Db) => saveSetting(db, info.name, checked, context.now());
  return change(context, info, { save, saved: value }, options);
}

/** Removes the saved value; otherwise as `setSetting`. */
export async function resetSetting(
  context: Context,
  name: string,
  options: ChangeOptions = {},
): Promise<SettingChange> {
  const info = requireSetting(name);
  return change(context, info, { save: (db) => removeSetting(db, info.name), saved: null }, options);
}

async function change(
  context: Context,
  info: SettingInfo,
  { save, saved }: { save: (db: Db) => Promise<void>; saved: string | null },
  { keepFeeds = false, leaveFiles = false, dryRun = false }: ChangeOptions,
): Promise<SettingChange> {
  const catalog = await context.catalog();
  const apply = (db: Db) => applyChange(context, db, { info, save, saved, keepFeeds });
  const planned = await commitUnless(true, catalog.db, [], apply);
  if (dryRun) return planned;
  if (!leaveFiles) refuseToLeaveFiles(info.name, planned.moved);
  // their runs and migrations would go on in the old directory
  const feeds = planned.moved.map(({ feed, id }) => ({ id, name: feed }));
  await using lock = await lockWholeFeeds(context, catalog, feeds);
  return await commit(catalog.db, [lock], async (db) => {
    const applied = await apply(db);
    if (applied.moved.some(({ id }) => !feeds.some((feed) => feed.id === id)))
      throw new FeedctlError("conflict", "feeds or settings were changed meanwhile", { hint: "run the command again" });
    if (!leaveFiles) refuseToLeaveFiles(info.name, applied.moved);
    return applied;
  });
}

async function applyChange(
  context: Context,
  db: Db,
  {
    info,
    save,
    saved,
    keepFeeds,
  }: { info: SettingInfo; save: (db: Db) => Promise<void>; saved: string | null; keepFeeds: boolean },
): Promise<SettingChange> {
  const previous = await readSettings(db);
  const before = await loadSettings(context, db);
  await save(db);
  const after = await loadSettings(context, db);
  const moved = info.kind === "path" ? await moveFeeds(context, db, { before, after }, keepFeeds) : [];
  const about = { runId: null, actor: context.actor, feedId: null, now: context.now() };
  await insertAuditEvents(db, about, [
    { action: "setting changed", object: info.name, detail: { before: previous.get(info.name) ?? null, after: saved } },
  ]);
  return { setting: valueOf(after, info), before: valueOf(before, info), moved };
}

function valueOf(settings: ReadonlyMap<string, Setting>, { name }: SettingInfo): Setting {
  const setting = settings.get(name);
  if (setting === undefined) throw new Error(`the setting ${name} has no value`);
  return setting;
}

function checkValue(context: Context, info: SettingInfo, value: string): string {
  const problem = settingProblem(info, value);
  if (problem !== undefined) throw new FeedctlError("usage", problem);
  if (info.kind === "boolean") return value.toLowerCase();
  if (context.platform === "win32" && /^[a-z]:/i.test(value))
    context.notice(
      `${value} may be a mapped drive, which services cannot see; a UNC path (\\\\server\\share) is safer`,
    );
  return value;
}

function requireSetting(name: string): SettingInfo {
  const info = findSetting(name);
  if (info !== undefined) return info;
  const near = settingInfos
    .filter((other) => other.name.toLowerCase().includes(name.toLowerCase().replace(/^storage\./, "")))
    .map((other) => other.name);
  throw new FeedctlError("not-found", `setting "${name}" does not exist`, {
    hint: near.length > 0 ? `did you mean ${near.slice(0, 3).join(", ")}?` : "see: feedctl settings list",
  });
}
