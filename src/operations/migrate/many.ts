import { listFeeds } from "../../catalog/feeds.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { createYamlPlaces, placeIn, type TextPosition } from "../../formats/manifests/yaml-places.ts";
import { parseYaml } from "../../formats/manifests/yaml.ts";
import { findProvider, requireProvider, storeTypeNames, type StoreType } from "../../stores/providers.ts";
import { parseOptions, switchOf } from "../../stores/shared/parse-options.ts";
import type { Context } from "../context.ts";
import { nameOf, requireLiveFeed, type FeedRef } from "../feed-store/find-feed.ts";
import type { MigrateEvent, MigrateSummary } from "./events.ts";
import { migrateFeed, type MigrateInput } from "./migrate-feed.ts";
import type { StoreOptions } from "../feed-store/store-secrets.ts";

export interface FeedGoal extends Pick<MigrateInput, "cutover" | "cached" | "preserve"> {
  feed: FeedRef;
  to: StoreType;
  options: StoreOptions;
}

export interface FeedFailed {
  type: "feed-failed";
  feed: string;
  code: string;
  reason: string;
}

export interface ManySummary {
  type: "total";
  feeds: number;
  switched: number;
  ready: number;
  already: number;
  planned: number;
  incomplete: number;
  paused: number;
  /** Number of feeds whose migration could not start, or ended with an error. */
  failed: number;
}

export type ManyEvent = MigrateEvent | FeedFailed | ManySummary;

/** Migrates feeds one after another. A feed that fails is reported, and the next one follows. */
export async function* migrateMany(
  context: Context,
  goals: readonly FeedGoal[],
  how: Pick<MigrateInput, "dryRun" | "cutover" | "cached" | "preserve" | "alone">,
): AsyncGenerator<ManyEvent> {
  const total: ManySummary = {
    type: "total",
    feeds: goals.length,
    switched: 0,
    ready: 0,
    already: 0,
    planned: 0,
    incomplete: 0,
    paused: 0,
    failed: 0,
  };
  for (const { feed, to, options, ...own } of goals) {
    const { cutover = how.cutover, cached = how.cached } = own;
    const preserve = {
      tags: own.preserve?.tags ?? how.preserve?.tags,
      storageClass: own.preserve?.storageClass ?? how.preserve?.storageClass,
    };
    let outcome: MigrateSummary["outcome"] | undefined;
    try {
      for await (const event of migrateFeed(context, {
        ...how,
        feed,
        goal: { to, options },
        cutover,
        cached,
        preserve,
      })) {
        if (event.type === "summary") outcome = event.outcome;
        yield event;
      }
    } catch (error) {
      if (!isFeedctlError(error) || context.signal.aborted) throw error;
      yield { type: "feed-failed", feed: nameOf(feed), code: error.code, reason: error.message };
    }
    total[outcome ?? "failed"]++;
  }
  yield total;
}

/**
 * Applies the same store options to many feeds. `{feed}`, `{id}` and `{type}` in the path are replaced; a path without
 * them gets the feed's name appended, because two feeds must never share a location. A disk store without a path is the
 * feed's default directory.
 */
export async function goalsFor(
  context: Context,
  names: readonly string[] | "all",
  to: StoreType,
  options: StoreOptions,
): Promise<FeedGoal[]> {
  const { db } = await context.catalog();
  const feeds =
    names === "all"
      ? (await listFeeds(db)).filter((feed) => feed.deleting_at === null)
      : await Promise.all(names.map((name) => requireLiveFeed(db, name)));
  const seen = new Set<number>();
  const twice = feeds.find(({ id }) => seen.size === seen.add(id).size);
  if (twice !== undefined) throw new FeedctlError("usage", `feed "${twice.name}" is named twice`);
  const { isLocal, pathOption: property } = requireProvider(to);
  return feeds.map((feed) => {
    const path = options[property];
    if (isLocal && path === undefined) return { feed, to, options };
    const text = typeof path === "string" ? path : "";
    const named = /\{(feed|id|type)\}/.test(text) ? text : `${text.replace(/\/$/, "")}/{feed}`;
    const own = named
      .replaceAll("{feed}", feed.name)
      .replaceAll("{id}", String(feed.id))
      .replaceAll("{type}", feed.type);
    return { feed, to, options: { ...options, [property]: own } };
  });
}

/**
 * Parses a plan file: `migrations`, a list of objects with `feed`, `to`, optionally `cutover`, `cached`, `preserve-tags`
 * and `preserve-storage-class`, and store options by the names of their flags. Throws `usage` with the number and the
 * position of the invalid entry.
 */
export function readPlan(text: string, file: string): FeedGoal[] {
  const places = createYamlPlaces();
  const wrong = (why: string, position?: TextPosition) =>
    new FeedctlError("usage", `${placeIn(file, position)}: ${why}`);
  let document;
  try {
    document = parseYaml(Buffer.from(text), "plan", { places }); // JSON is YAML, too
  } catch (error) {
    throw wrong((error as Error).message, places.failure());
  }
  const entries = typeof document === "object" && "migrations" in document ? document.migrations : undefined;
  if (!Array.isArray(entries)) throw wrong('it has no list "migrations"');
  const named = new Map<string, string>();
  return entries.map((entry: unknown, index) => {
    const where = `migration ${index + 1}`;
    const start = places.of(entries, index);
    if (typeof entry !== "object" || entry === null) throw wrong(`${where} is not an object`, start);
    const at = (member: string) => places.of(entry, member) ?? start;
    const {
      feed,
      to,
      cutover,
      cached,
      "preserve-tags": tags,
      "preserve-storage-class": storageClass,
      ...rest
    } = entry as Record<string, unknown>;
    if (typeof feed !== "string" || feed === "") throw wrong(`${where} has no "feed"`, at("feed"));
    const same = named.get(feed.toLowerCase());
    if (same !== undefined) throw wrong(`${where} moves feed "${feed}" again, as ${same} does`, at("feed"));
    named.set(feed.toLowerCase(), where);
    const provider = findProvider(to);
    if (provider === undefined)
      throw wrong(`${where} has no known store type in "to": one of ${storeTypeNames.join(", ")}`, at("to"));
    if (cutover !== undefined && cutover !== "auto" && cutover !== "manual")
      throw wrong(`${where}: "cutover" is auto or manual`, at("cutover"));
    if (cached !== undefined && cached !== "copy" && cached !== "skip" && cached !== "clear")
      throw wrong(`${where}: "cached" is copy, skip or clear`, at("cached"));
    const flag = (name: string, value: unknown) => {
      const read = switchOf(value);
      if (value !== undefined && read === undefined) throw wrong(`${where}: "${name}" is true or false`, at(name));
      return read;
    };
    const preserve = {
      tags: flag("preserve-tags", tags),
      storageClass: flag("preserve-storage-class", storageClass),
    };
    const options = parseOptions(provider, rest, `${placeIn(file, start)}: ${where}`);
    return { feed, to: provider.type, options, cutover, cached, preserve };
  });
}
