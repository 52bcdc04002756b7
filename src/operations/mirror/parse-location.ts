import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { FeedctlError } from "../../errors.ts";
import { inWords } from "../../lib/text/in-words.ts";
import { locationOf } from "../../stores/location.ts";
import type { Location } from "../../lib/location.ts";
import {
  directoryConfig,
  locationForms,
  optionsOf,
  providers,
  requireProvider,
  resolveConfig,
  type StoreConfig,
} from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { resolveSecrets, type StoreOptions } from "../feed-store/store-secrets.ts";

/** The source or the target of a mirror. */
export interface Place {
  /** The location as it was given on the command line. */
  text: string;
  config: StoreConfig;
  location: Location;
  /** Set when the place is a feed's store. */
  feed?: FeedRow;
}

/**
 * Parses a location of the command line: a URL such as `s3://bucket/prefix`, `NAME:path` for a store profile of the
 * configuration file, the name of a feed, or a directory. Throws `usage`, and `not-found` when it names nothing that
 * exists and is not clearly a new directory.
 */
export async function parseLocation(
  context: Context,
  text: string,
  options: StoreOptions,
  cwd: string,
): Promise<Place> {
  // an unset shell variable gives an empty argument; as a path it would be the current directory
  if (text === "")
    throw new FeedctlError("usage", "the source or the target is empty", { hint: "is a variable not set?" });
  const config = cloudConfig(context, text, options) ?? profileConfig(context, text, cwd);
  if (config !== undefined) {
    const opened = await resolveConfig(await resolveSecrets(context, config));
    return { text, config: opened, location: locationOf(opened) };
  }
  if (Object.keys(options).length > 0)
    throw new FeedctlError("usage", `store options do not apply to ${text}`, {
      hint: `they are for ${inWords(schemes())} locations`,
    });
  const feed = await feedPlace(context, text);
  const path = resolve(cwd, text);
  if (feed !== undefined && (!existsSync(path) || !looksLikePath(text))) return { text, ...feed };
  refuseMisspelt(context, text, path);
  const place = directoryConfig(path);
  if (!existsSync(path) && !looksLikePath(text)) {
    throw new FeedctlError("not-found", `"${text}" is neither a feed nor a directory`, {
      hint: `for a new directory write ./${text}; ${clouds()}`,
    });
  }
  return { text, config: place, location: locationOf(place) };
}

/** Whether the text can only be a path: names of feeds have no slash and do not begin with a dot. */
function looksLikePath(text: string): boolean {
  return /[\\/]/.test(text) || text.startsWith(".");
}

/**
 * Parses a location URL. Options that are not given are read from the environment. Undefined when it is not a URL of a
 * store.
 */
function cloudConfig(context: Context, text: string, options: StoreOptions): StoreConfig | undefined {
  const match = /^([a-z0-9]+):\/\/([^/]*)\/?(.*)$/s.exec(text);
  const [, scheme, name = "", path = ""] = match ?? [];
  const provider = providers.find(({ url }) => url?.schemes.some((each) => each === scheme));
  if (provider?.url === undefined) return undefined;
  const { property, noun } = provider.url;
  if (name === "") throw new FeedctlError("usage", `${text} has no ${noun}`);
  const values: StoreOptions = { ...options, [property]: name, [provider.pathOption]: path };
  for (const [unset, { environment = [], unless = "", secret }] of optionsOf(provider)) {
    if (values[unset] !== undefined || values[unless] !== undefined) continue;
    const variable = environment.find((each) => context.env(each));
    if (variable !== undefined) values[unset] = secret ? `env:${variable}` : (context.env(variable) ?? "");
  }
  return provider.parse(values, text);
}

/** `s3://`, `az://`. */
function schemes(): string[] {
  return locationForms().map((form) => form.replace(/(?<=:\/\/).*$/, ""));
}

function clouds(): string {
  return `clouds are ${inWords(locationForms())}`;
}

const PROFILE = /^([A-Za-z0-9][A-Za-z0-9._-]+):(.*)$/s;

/** Throws when the text looks like a URL or a profile but is neither: it must not create a directory of that name. */
function refuseMisspelt(context: Context, text: string, path: string): void {
  const name = PROFILE.exec(text)?.[1];
  if (name === undefined || existsSync(path)) return;
  if (/^[^/]*:\/\//.test(text)) {
    throw new FeedctlError("usage", `${text}: "${name}" is not a type of store`, {
      hint: clouds(),
    });
  }
  const known = [...context.storeProfiles.keys()].join(", ") || "none";
  throw new FeedctlError("not-found", `store profile "${name}" does not exist`, {
    hint: `known are: ${known}; for a directory of that name write ./${text}`,
  });
}

/** Parses `NAME:path`, a path inside a store profile's location. A single letter is a drive, not a profile. */
function profileConfig(context: Context, text: string, cwd: string): StoreConfig | undefined {
  const match = PROFILE.exec(text);
  const profile = match?.[1] === undefined ? undefined : context.storeProfiles.get(match[1]);
  if (profile === undefined || match === null) return undefined;
  return requireProvider(profile.type).below(profile, match[2] ?? "", cwd);
}

async function feedPlace(context: Context, name: string): Promise<Omit<Place, "text"> | undefined> {
  if (looksLikePath(name)) return undefined;
  return context.withCatalog(async (catalog: Catalog) => {
    const { findFeed } = await import("../../catalog/feeds.ts");
    const { requireRecordedPlace, requireStore, storeConfig } = await import("../feed-store/open-feed-store.ts");
    const feed = await findFeed(catalog.db, name);
    if (feed === undefined) return undefined;
    const row = await requireStore(catalog.db, feed);
    const config = await storeConfig(context, catalog.db, feed, row);
    requireRecordedPlace(feed, row, config);
    return { config, location: locationOf(config), feed };
  });
}
