import { readSettings } from "../../catalog/settings.ts";
import { findCurrentStore, type StorePlace, type StoreRow } from "../../catalog/stores.ts";
import type { Db, SavedOptions } from "../../catalog/schema/core.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, locationOf } from "../../stores/location.ts";
import type { Location } from "../../lib/location.ts";
import type { Store } from "../../stores/store.ts";
import { optionsOf, providers, requireProvider, type StoreConfig, type StoreType } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { settingsMap } from "./effective-settings.ts";
import { defaultDirectory } from "./default-directory.ts";
import { resealOptions, sealOptions, unsealOptions, type StoreOptions } from "./store-secrets.ts";

export async function requireStore(db: Db, feed: FeedRow): Promise<StoreRow> {
  const row = await findCurrentStore(db, feed.id);
  if (row === undefined) throw new Error(`feed ${feed.id} has no current store`);
  return row;
}

/**
 * The configuration for opening a saved store, secrets included. A disk store without a path gets the default
 * directory.
 */
export async function storeConfig(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  row: StoreRow,
): Promise<StoreConfig> {
  const config = await savedConfig(context, db, feed, row);
  await resealOptions(context, db, row);
  return config;
}

async function savedConfig(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  { type, options }: { type: string; options: SavedOptions },
): Promise<StoreConfig> {
  const provider = requireProvider(type);
  const opened = await unsealOptions(context, db, options);
  if (provider.isLocal && !opened[provider.pathOption]) {
    const settings = settingsMap(context, await readSettings(db));
    opened[provider.pathOption] = defaultDirectory(settings, feed).path;
  }
  return provider.parse(opened, `the saved store of feed #${feed.id}`);
}

export async function openFeedStore(context: Context, db: Db, feed: FeedRow, row?: StoreRow): Promise<Store> {
  return context.openStore(await storeConfig(context, db, feed, row ?? (await requireStore(db, feed))));
}

/** Checked options for a store: what to save, and the configuration to open it with. */
export interface NewStore {
  type: StoreType;
  options: SavedOptions;
  config: StoreConfig;
  location: Location;
  /** Null for a disk store in the default directory, which follows the settings. */
  savedLocation: Location | null;
}

/** Checks the options of a store for a feed. Throws `usage` for missing or invalid ones. */
export async function prepareStore(
  context: Context,
  db: Db,
  feed: FeedRow,
  { type, options }: { type: StoreType; options: StoreOptions },
): Promise<NewStore> {
  checkOptions(context, type, options);
  const saved = await sealOptions(context, db, { type, options });
  const config = await savedConfig(context, db, feed, { type, options: saved });
  const location = locationOf(config);
  return {
    type,
    options: saved,
    config,
    location,
    savedLocation: followsSettings(type, saved) ? null : location,
  };
}

/** Whether the store is the feed's default directory, which the settings decide. */
export function followsSettings(type: string, saved: SavedOptions): boolean {
  const { isLocal, pathOption } = requireProvider(type);
  return isLocal && saved[pathOption] === undefined;
}

function checkOptions(context: Context, type: StoreType, options: StoreOptions): void {
  const provider = requireProvider(type);
  const own = optionsOf(provider);
  const known = new Set(own.map(([property]) => property));
  for (const [property, option] of providers.flatMap(optionsOf)) {
    if (options[property] !== undefined && !known.has(property)) {
      throw new FeedctlError("usage", `a ${type} store does not have the option --${option.flag}`, {
        hint: `its options: ${own.map(([, other]) => `--${other.flag}`).join(" ")}`,
      });
    }
  }
  for (const [property, { required, flag }] of own) {
    const hasDefault = provider.isLocal && property === provider.pathOption;
    if (required && !hasDefault && !options[property])
      throw new FeedctlError("usage", `a ${type} store needs --${flag}`, { hint: `feedctl store set --help` });
  }
  provider.check(options, context);
}

export interface ExplicitPlace extends StorePlace {
  location: Location;
}

/** What to save of a store that is about to be replaced. A default directory becomes an explicit path. */
export async function explicitPlace(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  row: StoreRow,
): Promise<ExplicitPlace> {
  if (row.location !== null) return { options: row.options, location: row.location };
  const settings = settingsMap(context, await readSettings(db));
  const { path } = defaultDirectory(settings, feed);
  return { options: { [requireProvider(row.type).pathOption]: path }, location: directoryLocation(path) };
}
