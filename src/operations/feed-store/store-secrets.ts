import { resolve } from "node:path";
import type { Db, SavedOptions, SavedSecret } from "../../catalog/schema/core.ts";
import { mayUpdateStores, replaceOptions } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import type { StoreOptions } from "../../stores/descriptor.ts";
import { optionsOf, requireProvider, type StoreType } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { isOutdated, sealText, unsealText } from "./sealed-text.ts";

export type { StoreOptions } from "../../stores/descriptor.ts";

/** Options as the catalog stores them: references stay references, literal secrets are sealed. */
export async function sealOptions(
  context: Context,
  db: Db,
  { type, options }: { type: StoreType; options: StoreOptions },
): Promise<SavedOptions> {
  const saved: SavedOptions = {};
  for (const [property, { secret }] of optionsOf(requireProvider(type))) {
    const value = options[property];
    if (value === undefined || value === false) continue;
    saved[property] = secret && typeof value === "string" ? await saveSecret(context, db, value) : value;
  }
  return saved;
}

async function saveSecret(context: Context, db: Db, value: string): Promise<SavedSecret> {
  if (value.startsWith("env:")) return { ref: value };
  if (value.startsWith("file:")) return { ref: `file:${resolve(value.slice("file:".length))}` };
  return { sealed: await sealText(context, db, value) };
}

/** Saved options with their secrets as plain text. The result must stay in memory. */
export async function unsealOptions(context: Context, db: Db, saved: SavedOptions): Promise<StoreOptions> {
  const options: StoreOptions = {};
  for (const [property, value] of Object.entries(saved)) {
    if (typeof value !== "object") options[property] = value;
    else if ("ref" in value) options[property] = await readReference(context, property, value.ref);
    else options[property] = await unsealText(context, db, property, value.sealed);
  }
  return options;
}

/**
 * Seals the secrets of a store anew when an earlier version of feedctl sealed them with a weaker key. Does nothing for a
 * user who may only read the catalog, and when another process has changed the store.
 */
export async function resealOptions(
  context: Context,
  db: Db,
  { id, options }: { id: number; options: SavedOptions },
): Promise<void> {
  const fresh: SavedOptions = {};
  let outdated = 0;
  for (const [property, value] of Object.entries(options)) {
    fresh[property] = value;
    if (typeof value !== "object" || "ref" in value || !(await isOutdated(context, value.sealed))) continue;
    if (outdated++ === 0 && !(await mayUpdateStores(db))) return;
    const text = await unsealText(context, db, property, value.sealed);
    fresh[property] = { sealed: await sealText(context, db, text) };
  }
  if (outdated > 0) await replaceOptions(db, id, options, fresh);
}

/** Resolves secrets in options that are never saved: references are read, other values are returned unchanged. */
export async function resolveSecrets<Config extends { type: string }>(
  context: Context,
  config: Config,
): Promise<Config> {
  const resolved: Record<string, unknown> = { ...config };
  for (const [property, { secret }] of optionsOf(requireProvider(config.type))) {
    const value = resolved[property];
    if (secret && typeof value === "string" && /^(env|file):/.test(value))
      resolved[property] = await readReference(context, property, value);
  }
  return resolved as Config;
}

async function readReference(context: Context, property: string, reference: string): Promise<string> {
  const text = reference.startsWith("env:")
    ? context.env(reference.slice("env:".length))
    : await context.readFile(reference.slice("file:".length)).catch((error: NodeJS.ErrnoException) => {
        throw new FeedctlError(
          "denied",
          `could not read ${property} from ${reference}: ${error.code ?? error.message}`,
          { cause: error },
        );
      });
  // editors end a file with a newline, which is not part of the secret
  const value = text?.replace(/\r?\n$/, "");
  if (value === undefined || value === "")
    throw new FeedctlError("denied", `could not read ${property} from ${reference}: it is not set or empty`, {
      hint: `set it in this environment: ${reference}`,
    });
  return value;
}

/** The options for output: references unchanged, sealed values as `(sealed)`. */
export function describeOptions(saved: SavedOptions): Record<string, string | boolean> {
  return Object.fromEntries(
    Object.entries(saved).map(([property, value]) => [
      property,
      typeof value !== "object" ? value : "ref" in value ? value.ref : "(sealed)",
    ]),
  );
}
