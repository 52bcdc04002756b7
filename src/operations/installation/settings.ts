import { listFeeds } from "../../catalog/feeds.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import { findCurrentStore, updateStorePlace } from "../../catalog/stores.ts";
import { readSettings, removeSetting, saveSetting } from "../../catalog/settings.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { commit, commitUnless } from "../commit/commit.ts";
import { lockWholeFeeds } from "../commit/lock-feed.ts";
import type { Context } from "../context.ts";
import { directoryLocation } from "../../stores/location.ts";
import { requireProvider } from "../../stores/providers.ts";
import { effective, settingsMap } from "../feed-store/effective-settings.ts";
import { defaultDirectory } from "../feed-store/default-directory.ts";
import { followsSettings } from "../feed-store/open-feed-store.ts";
import { refuseOverlap } from "../feed-store/occupied-places.ts";
import {
  findSetting,
  settingInfos,
  settingProblem,
  type Setting,
  type SettingInfo,
} from "../feed-store/setting-names.ts";

/** Every setting with its effective value. */
export async function listSettings(context: Context): Promise<Setting[]> {
  const saved = await readSettings((await context.catalog()).db);
  return settingInfos.map((info) => effective(context, info, saved.get(info.name)));
}

export async function getSetting(context: Context, name: string): Promise<Setting> {
  const info = requireSetting(name);
  const saved = await readSettings((await context.catalog()).db);
  return effective(context, info, saved.get(info.name));
}

export interface SettingChange {
  setting: Setting;
  before: Setting;
  /**
   * Feeds whose default directory changes; their files were not moved. `kept`: the feed keeps using its old directory
   * until it is migrated.
   */
  moved: { feed: string; from: string; to: string; kept: boolean }[];
}

/**
 * Saves a setting. An empty value makes the configuration file's value effective. Moves no files, but returns the feeds
 * whose default directory changes; with `keepFeeds` their old directories become explicit, to be migrated. Throws
 * `usage` and `not-found`.
 */
export async function setSetting(
  context: Context,
  name: string,
  value: string,
  { keepFeeds = false }: { keepFeeds?: boolean | undefined } = {},
): Promise<SettingChange> {
  const info = requireSetting(name);
  const checked = checkValue(context, info, value);
  return change(context, info, (db) => saveSetting(db, info.name, checked, context.now()), { after: value, keepFeeds });
}

export async function resetSetting(context: Context, name: string): Promise<SettingChange> {
  const info = requireSetting(name);
  return change(context, info, (db) => removeSetting(db, info.name), { after: null, keepFeeds: false });
}

type Write = (db: Db) => Promise<void>;

async function change(
  context: Context,
  info: SettingInfo,
  write: Write,
  options: { after: string | null; keepFeeds: boolean },
): Promise<SettingChange> {
  const catalog = await context.catalog();
  const movedFeeds = async () => {
    const { moved } = await commitUnless(true, catalog.db, [], (db) =>
      applyChange(context, db, { info, write, ...options }),
    );
    return moved.map(({ feed, id }) => ({ id, name: feed }));
  };
  // their runs and migrations would go on in the old directory
  const feeds = await movedFeeds();
  await using lock = await lockWholeFeeds(context, catalog, feeds);
  const changed = await commit(catalog.db, [lock], async (db) => {
    const applied = await applyChange(context, db, { info, write, ...options });
    if (applied.moved.some(({ id }) => !feeds.some((feed) => feed.id === id)))
      throw new FeedctlError("conflict", "feeds or settings were changed meanwhile", { hint: "run the command again" });
    return applied;
  });
  return { ...changed, moved: changed.moved.map(({ id: _id, ...feed }) => feed) };
}

interface AppliedChange extends Omit<SettingChange, "moved"> {
  moved: (SettingChange["moved"][number] & { id: number })[];
}

async function applyChange(
  context: Context,
  transaction: Db,
  {
    info,
    write,
    after: value,
    keepFeeds,
  }: { info: SettingInfo; write: Write; after: string | null; keepFeeds: boolean },
): Promise<AppliedChange> {
  const before = await readSettings(transaction);
  await write(transaction);
  const after = await readSettings(transaction);
  const moved = [];
  for (const feed of await listFeeds(transaction)) {
    const store = await findCurrentStore(transaction, feed.id);
    if (store === undefined || !followsSettings(store.type, store.options)) continue;
    const from = defaultDirectory(settingsMap(context, before), feed).path;
    const to = defaultDirectory(settingsMap(context, after), feed).path;
    if (from === to) continue;
    await refuseOverlap(context, transaction, feed, directoryLocation(to));
    if (keepFeeds)
      await updateStorePlace(transaction, store.id, {
        options: { [requireProvider(store.type).pathOption]: from },
        location: directoryLocation(from),
      });
    moved.push({ id: feed.id, feed: feed.name, from, to, kept: keepFeeds });
  }
  const about = { runId: null, actor: context.actor, feedId: null, now: context.now() };
  await insertAuditEvents(transaction, about, [
    { action: "setting changed", object: info.name, detail: { before: before.get(info.name) ?? null, after: value } },
  ]);
  return {
    setting: effective(context, info, after.get(info.name)),
    before: effective(context, info, before.get(info.name)),
    moved,
  };
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
