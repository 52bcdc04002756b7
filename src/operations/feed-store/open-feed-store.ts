import { findCurrentStore, type StorePlace, type StoreRow } from "../../catalog/stores.ts";
import type { Db, SavedOptions } from "../../catalog/schema/core.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, locationName, locationOf, overlap } from "../../stores/location.ts";
import type { Location } from "../../lib/location.ts";
import type { Store } from "../../stores/store.ts";
import {
  optionsOf,
  providers,
  requireProvider,
  resolveConfig,
  type StoreConfig,
  type StoreType,
} from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { loadSettings } from "./effective-settings.ts";
import { defaultDirectory } from "./default-directory.ts";
import type { Marker } from "./marker.ts";
import { provePlace, provePlaceAgain, requireMarked } from "./prove-place.ts";
import { provingStore } from "./proven-store.ts";
import { proveStore, sealOutdated } from "./store-seal.ts";
import { traitsOf } from "./store-traits.ts";
import { sealOptions, unsealOptions, type StoreOptions } from "./store-secrets.ts";

export async function requireStore(db: Db, feed: FeedRow): Promise<StoreRow> {
  const row = await findCurrentStore(db, feed.id);
  if (row === undefined) throw new Error(`feed ${feed.id} has no current store`);
  return row;
}

/**
 * The configuration for opening a saved store, secrets included. A disk store without a path gets the default
 * directory. Throws `denied` or `refused` when the row does not prove that feedctl saved it.
 */
export async function storeConfig(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  row: StoreRow,
): Promise<StoreConfig> {
  const proof = await proveStore(context, db, row);
  const config = await savedConfig(context, db, feed, row);
  await sealOutdated(context, db, row, proof);
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
    const settings = await loadSettings(context, db);
    opened[provider.pathOption] = defaultDirectory(settings, feed).path;
  }
  return resolveConfig(provider.parse(opened, `the saved store of feed #${feed.id}`));
}

/**
 * Opens a feed's store, by default its current one. Its marker is read before the first write and before the first
 * deletion; see `provePlace`.
 */
export async function openFeedStore(context: Context, db: Db, feed: FeedRow, row?: StoreRow): Promise<Store> {
  return (await openPlace(context, db, feed, row ?? (await requireStore(db, feed)))).store;
}

/** As `openFeedStore`, but reads the marker at once: for commands that change rows first, or list what is there. */
export async function openProvenStore(
  context: Context,
  db: Db,
  feed: FeedRow,
  { row, intent }: { row: StoreRow; intent: "read" | "write" },
): Promise<Store> {
  const { store, prove } = await openPlace(context, db, feed, row);
  try {
    await prove(intent);
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

async function openPlace(context: Context, db: Db, feed: FeedRow, row: StoreRow) {
  const config = await storeConfig(context, db, feed, row);
  requireRecordedPlace(feed, row, config);
  const store = await context.openStore(config, { known: traitsOf(row) });
  const place = { feed, row, location: locationOf(config), store };
  let marker: Marker | undefined;
  const prove = async (intent: "read" | "write") => {
    marker = await provePlace(context, db, place, intent);
  };
  const again = () => (marker === undefined ? prove("write") : provePlaceAgain(context, place, marker));
  const requireMarker = () => requireMarked(context, place);
  return { store: provingStore(store, { prove: again, requireMarker }), prove };
}

/**
 * Throws `unavailable` when the environment leads to another server or account than the one that was recorded with the
 * store. A store that is older than markers is proven by its blobs instead. A disk has its marker.
 */
export function requireRecordedPlace(feed: { name: string }, row: StoreRow, config: StoreConfig): void {
  if (row.location === null || row.probe || requireProvider(row.type).isLocal) return;
  const location = locationOf(config);
  // an earlier version did not save the endpoint of the environment: the place that the marker proved counts
  const recorded = row.marked_location ?? row.location;
  if (overlap(location, recorded) === "same") return;
  throw new FeedctlError(
    "unavailable",
    `the store of feed "${feed.name}" is ${locationName(recorded)}, but this environment leads to ${locationName(location)}`,
    { hint: "correct the endpoint or the credentials of the environment; to change the store: feedctl store set" },
  );
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
  saveResolved(saved, config);
  const location = locationOf(config);
  return {
    type,
    options: saved,
    config,
    location,
    savedLocation: followsSettings(type, saved) ? null : location,
  };
}

/** Saves what the environment decides about a cloud's place, so that another environment leads to the same one. */
function saveResolved(saved: SavedOptions, config: StoreConfig): void {
  const provider = requireProvider(config.type);
  if (provider.isLocal) return;
  const values: Record<string, unknown> = { ...config };
  for (const [property, { secret }] of optionsOf(provider)) {
    const value = values[property];
    if (!secret && saved[property] === undefined && typeof value === "string") saved[property] = value;
  }
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
  const settings = await loadSettings(context, db);
  const { path } = defaultDirectory(settings, feed);
  return { options: { [requireProvider(row.type).pathOption]: path }, location: directoryLocation(path) };
}
