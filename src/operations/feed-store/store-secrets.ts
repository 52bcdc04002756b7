import { resolve } from "node:path";
import type { SavedOptions, SavedSecret } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { seal, unseal } from "../../lib/seal.ts";
import type { StoreOptions } from "../../stores/descriptor.ts";
import { optionsOf, requireProvider, type StoreType } from "../../stores/providers.ts";
import type { Context } from "../context.ts";

export type { StoreOptions } from "../../stores/descriptor.ts";

/** Options as the catalog stores them: references stay references, literal secrets are sealed. */
export async function sealOptions(context: Context, type: StoreType, options: StoreOptions): Promise<SavedOptions> {
  const saved: SavedOptions = {};
  for (const [property, { secret }] of optionsOf(requireProvider(type))) {
    const value = options[property];
    if (value === undefined || value === false) continue;
    saved[property] = secret && typeof value === "string" ? await sealSecret(context, value) : value;
  }
  return saved;
}

async function sealSecret(context: Context, value: string): Promise<SavedSecret> {
  if (value.startsWith("env:")) return { ref: value };
  if (value.startsWith("file:")) return { ref: `file:${resolve(value.slice("file:".length))}` };
  const key = await context.sealingKey(true);
  if (key === undefined)
    throw new FeedctlError("usage", "could not seal the secret: there is no key", {
      hint: "set FEEDCTL_KEY, or pass env:NAME or file:PATH instead",
    });
  return { sealed: seal(key, value, context.randomBytes(12)) };
}

/** Saved options with their secrets as plain text. The result must stay in memory. */
export async function unsealOptions(context: Context, saved: SavedOptions): Promise<StoreOptions> {
  const options: StoreOptions = {};
  for (const [property, value] of Object.entries(saved)) {
    options[property] = typeof value === "object" ? await unsealSecret(context, property, value) : value;
  }
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
    if (secret && typeof value === "string" && /^(env|file):/.test(value))
      resolved[property] = await readReference(context, property, value);
  }
  return resolved as Config;
}

async function unsealSecret(context: Context, property: string, saved: SavedSecret): Promise<string> {
  if ("ref" in saved) return readReference(context, property, saved.ref);
  const key = await context.sealingKey(false);
  const text = key === undefined ? undefined : unseal(key, saved.sealed);
  if (text !== undefined) return text;
  throw new FeedctlError(
    "denied",
    `could not open the sealed ${property}: ${key === undefined ? "there is no key" : "it was sealed with another key"}`,
    {
      hint: "provide that key (FEEDCTL_KEY, or the file `key` in the data directory), or set the store again",
    },
  );
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
