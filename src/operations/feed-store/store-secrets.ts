import { resolve } from "node:path";
import type { Db, SavedOptions, SavedSecret } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { registerSecrets } from "../../lib/text/redact.ts";
import type { SealingSecret } from "../../lib/bytes/seal.ts";
import type { StoreOptions } from "../../stores/descriptor.ts";
import { optionsOf, requireProvider, type StoreType } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { openSealed, sealText } from "./sealed-text.ts";

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

/** Opens sealed values with the first of the keys that opens them; references remain. Throws `denied` otherwise. */
export async function openSecrets(
  secrets: readonly SealingSecret[],
  db: Db,
  saved: SavedOptions,
): Promise<StoreOptions> {
  const options: StoreOptions = {};
  for (const [property, value] of Object.entries(saved)) {
    if (typeof value !== "object") options[property] = value;
    else if ("ref" in value) options[property] = value.ref;
    else options[property] = await openSecret(secrets, db, property, value.sealed);
  }
  return options;
}

async function openSecret(
  secrets: readonly SealingSecret[],
  db: Db,
  property: string,
  sealed: string,
): Promise<string> {
  for (const secret of secrets) {
    const text = await openSealed(secret, db, sealed);
    if (text !== undefined) return text;
  }
  const why = secrets.length === 0 ? "there is no key" : "it was sealed with another key";
  throw new FeedctlError("denied", `could not open the sealed ${property}: ${why}`, { hint: KEY_HINT });
}

export const KEY_HINT =
  "provide that key (FEEDCTL_KEY, or the file `key` in the data directory), or set the store again: feedctl store set";

/** Saved options with their secrets as plain text. The result must stay in memory. */
export async function unsealOptions(context: Context, db: Db, saved: SavedOptions): Promise<StoreOptions> {
  const isSealed = Object.values(saved).some((value) => typeof value === "object" && "sealed" in value);
  const secret = isSealed ? await context.sealingSecret(false) : undefined;
  const options = await openSecrets(secret === undefined ? [] : [secret], db, saved);
  for (const [property, value] of Object.entries(saved))
    if (typeof value === "object" && "ref" in value)
      options[property] = await readReference(context, property, value.ref);
  return options;
}

/** Resolves secrets in options that are never saved: references are read, other values are returned unchanged. */
export async function resolveSecrets<Config extends { type: string }>(
  context: Context,
  config: Config,
): Promise<Config> {
  const resolved: Record<string, unknown> = { ...config };
  for (const [property, { secret }] of optionsOf(requireProvider(config.type))) {
    const value = resolved[property];
    if (!secret || typeof value !== "string") continue;
    if (/^(env|file):/.test(value)) resolved[property] = await readReference(context, property, value);
    else registerSecrets(value);
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
  registerSecrets(value);
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
