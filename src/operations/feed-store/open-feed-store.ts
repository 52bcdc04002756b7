import { isAbsolute } from "node:path";
import { readSettings } from "../../catalog/settings.ts";
import { currentStore, type StorePlace, type StoreRow } from "../../catalog/stores.ts";
import type { Db, SavedOptions } from "../../catalog/schema/core.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { locationOf, type Location } from "../../stores/location.ts";
import type { Store } from "../../stores/store.ts";
import { storeTypes, type StoreConfig, type StoreType } from "../../stores/store-types.ts";
import type { Context } from "../context.ts";
import { settingsMap } from "./effective-settings.ts";
import { defaultDirectory } from "./default-directory.ts";
import { openOptions, saveOptions, type StoreOptions } from "./store-secrets.ts";

export async function requireStore(db: Db, feed: FeedRow): Promise<StoreRow> {
  const row = await currentStore(db, feed.id);
  if (row === undefined) throw new Error(`feed ${feed.id} has no current store`);
  return row;
}

/** The configuration to open a saved store with; a disk store without a path gets the feed's default directory. */
export async function storeConfig(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  row: StoreRow,
): Promise<StoreConfig> {
  return fillDefault(context, db, feed, await openOptions(context, row.type as StoreType, row.options));
}

async function fillDefault(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  config: StoreConfig,
): Promise<StoreConfig> {
  if (config.type !== "disk" || config.path) return config;
  const settings = settingsMap(context, await readSettings(db));
  return { type: "disk", path: defaultDirectory(settings, feed).path };
}

export async function openFeedStore(context: Context, db: Db, feed: FeedRow, row?: StoreRow): Promise<Store> {
  return context.openStore(await storeConfig(context, db, feed, row ?? (await requireStore(db, feed))));
}

/** A store as the user wants it, checked: what to save, and what to open it with. */
export interface NewStore {
  type: StoreType;
  options: SavedOptions;
  config: StoreConfig;
  location: Location;
  /** Null for a disk store in the default directory, which follows the settings. */
  savedLocation: Location | null;
}

/** Checks the options of a store for a feed. Throws `usage` for what is missing or makes no sense. */
export async function prepareStore(
  context: Context,
  db: Db,
  feed: FeedRow,
  { type, options }: { type: StoreType; options: StoreOptions },
): Promise<NewStore> {
  checkOptions(context, type, options);
  const saved = await saveOptions(context, type, options);
  const config = await fillDefault(context, db, feed, await openOptions(context, type, saved));
  const location = locationOf(config);
  return {
    type,
    options: saved,
    config,
    location,
    savedLocation: type === "disk" && saved["path"] === undefined ? null : location,
  };
}

function checkOptions(context: Context, type: StoreType, options: StoreOptions): void {
  const known = new Set(storeTypes[type].options.map((option) => option.property));
  for (const option of Object.values(storeTypes).flatMap((info) => info.options)) {
    if (options[option.property] !== undefined && !known.has(option.property)) {
      throw new FeedctlError("usage", `--${option.flag} is no option of a ${type} store`, {
        hint: `its options: ${storeTypes[type].options.map((other) => `--${other.flag}`).join(" ")}`,
      });
    }
  }
  const need = (property: string, flag: string) => {
    if (!options[property])
      throw new FeedctlError("usage", `a ${type} store needs --${flag}`, { hint: `feedctl store set --help` });
  };
  if (type === "disk") {
    const path = options["path"];
    if (path === undefined) return;
    if (typeof path !== "string" || !isAbsolute(path))
      throw new FeedctlError("usage", "--path must be an absolute path", {
        hint: "a relative one would mean another directory in every shell",
      });
    if (context.platform === "win32" && /^[a-z]:/i.test(path))
      context.notice(
        `${path} may be a mapped drive, which services do not see; a UNC path (\\\\server\\share) is safer`,
      );
  }
  for (const [property, flag] of [
    ["endpoint", "endpoint"],
    ["accountUrl", "account-url"],
  ] as const) {
    const url = typeof options[property] === "string" ? URL.parse(options[property]) : null;
    // they are saved and shown as they are
    if (url !== null && url.username + url.password + url.search + url.hash !== "") {
      throw new FeedctlError("usage", `--${flag} must not hold credentials, a signature or a query`, {
        hint: "give secrets with their own options; a shared access signature belongs into --connection-string",
      });
    }
  }
  if (type === "s3") {
    need("bucket", "bucket");
    if (!options["endpoint"]) need("region", "region");
    if (Boolean(options["accessKey"]) !== Boolean(options["secretKey"])) {
      throw new FeedctlError("usage", "--access-key and --secret-key go together", {
        hint: "give both, or neither to use the default credential chain",
      });
    }
    if (options["encrypted"] && options["kmsKey"])
      throw new FeedctlError("usage", "--encrypted and --kms-key exclude each other");
    if (options["reducedRedundancy"] && options["storageClass"])
      throw new FeedctlError("usage", "--reduced-redundancy and --storage-class exclude each other");
  }
  if (type === "azure") {
    need("container", "container");
    if (Boolean(options["connectionString"]) === Boolean(options["accountUrl"]))
      throw new FeedctlError("usage", "an azure store needs --connection-string or --account-url, and not both");
  }
}

/** What to remember of a store that is about to be replaced: a default directory becomes an explicit path. */
export async function frozenPlace(
  context: Context,
  db: Db,
  feed: { id: number; type: string },
  row: StoreRow,
): Promise<StorePlace> {
  if (row.location !== null) return { options: row.options, location: row.location };
  const settings = settingsMap(context, await readSettings(db));
  const { path } = defaultDirectory(settings, feed);
  return { options: { path }, location: locationOf({ type: "disk", path }) };
}
