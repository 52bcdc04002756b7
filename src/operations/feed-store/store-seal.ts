import { isListedAsUnsealed, maySealStores, replaceSealed, saveSeal } from "../../catalog/store-seals.ts";
import type { Db, SavedOptions } from "../../catalog/schema/core.ts";
import { findStore, type StoreRow } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import type { SealingSecret } from "../../lib/bytes/seal.ts";
import { optionsOf, requireProvider } from "../../stores/providers.ts";
import type { Context } from "../context.ts";
import { requireInstallation } from "./require-installation.ts";
import { isOutdated, openSealed, sealText } from "./sealed-text.ts";
import { KEY_HINT, openSecrets, sealOptions } from "./store-secrets.ts";

/**
 * Whether a saved store must prove itself: it has secrets or references to them, or options that decide where this
 * process sends credentials. A directory needs no proof and so no key.
 */
export function needsSeal(type: string, options: SavedOptions): boolean {
  return optionsOf(requireProvider(type)).some(
    ([property, { secret, guarded }]) => (secret ?? guarded ?? false) && options[property] !== undefined,
  );
}

/** Seals a store in the transaction that has saved its options and place. */
export async function sealStore(context: Context, db: Db, id: number): Promise<void> {
  const row = await findStore(db, id);
  if (row === undefined) throw new Error(`store ${id} is gone`);
  if (needsSeal(row.type, row.options))
    await saveSeal(db, id, await sealText(context, db, "", await aboutStore(context, db, row)));
  else if (row.seal !== null) await saveSeal(db, id, null);
}

/** How a saved store proves itself. `listed`: it is from before seals. */
export type Proof = "seal" | "listed" | "none needed";

/**
 * Proves that feedctl saved the row: whoever can change the catalog could otherwise have secrets read from any variable
 * or file, and sent to any server. Opens no secret and reads no reference. Throws `denied` or `refused`.
 */
export async function proveStore(
  context: Context,
  db: Db,
  row: StoreRow,
  keys?: readonly SealingSecret[],
): Promise<Proof> {
  if (!needsSeal(row.type, row.options)) return "none needed";
  const what = `the saved store #${row.id}`;
  if (row.seal === null) {
    if (await isListedAsUnsealed(db, row.id)) return "listed";
    throw new FeedctlError("refused", `${what} is not sealed: it was not saved by feedctl`, {
      hint: "look at it with feedctl store show, and set it again: feedctl store set",
    });
  }
  const secrets = keys ?? [await context.sealingSecret(false)].filter((secret) => secret !== undefined);
  if (secrets.length === 0)
    throw new FeedctlError("denied", `${what} cannot be proven: there is no key`, { hint: KEY_HINT });
  const about = await aboutStore(context, db, row);
  for (const secret of secrets) if ((await openSealed(secret, db, row.seal, about)) !== undefined) return "seal";
  throw new FeedctlError(
    "denied",
    `${what} does not prove itself: it was changed by another program, or sealed with another key`,
    { hint: KEY_HINT },
  );
}

/**
 * Seals a proven store anew when it is from before seals, or was sealed with a weaker key. Does nothing without a key, for
 * a user who may only read the catalog, and when another process has changed the store.
 */
export async function sealOutdated(context: Context, db: Db, row: StoreRow, proof: Proof): Promise<void> {
  if (proof === "none needed") return;
  const secret = await context.sealingSecret(false);
  if (secret === undefined) return;
  const sealed = Object.values(row.options).flatMap((value) =>
    typeof value === "object" && "sealed" in value ? [value.sealed] : [],
  );
  const isCurrent = proof === "seal" && ![...sealed, row.seal ?? ""].some((text) => isOutdated(secret, text));
  if (isCurrent || !(await maySealStores(db))) return;
  await sealAnew(context, db, row, [secret]);
}

/** Seals a proven store anew with the current key. Returns whether it did: false when another process changed the row. */
export async function sealAnew(
  context: Context,
  db: Db,
  row: StoreRow,
  secrets: readonly SealingSecret[],
): Promise<boolean> {
  const { type } = requireProvider(row.type);
  const options = await sealOptions(context, db, { type, options: await openSecrets(secrets, db, row.options) });
  const seal = await sealText(context, db, "", await aboutStore(context, db, { ...row, options }));
  return replaceSealed(db, row, { options, seal });
}

/** What a seal is about: installation, store, feed, type, place, and all options. */
async function aboutStore(context: Context, db: Db, row: StoreRow): Promise<string> {
  const { id } = await requireInstallation(context, db);
  return canonical(["feedctl store", id, row.id, row.feed_id, row.type, row.location, row.options]);
}

/** JSON with the members of objects in order: the catalog does not keep the order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
