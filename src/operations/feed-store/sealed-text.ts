import { createKeySalt, findKeySalt } from "../../catalog/key-salt.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { seal, sealVersion, unseal } from "../../lib/seal.ts";
import type { Context } from "../context.ts";

const SALT_BYTES = 16;
const noSalt = Buffer.alloc(0);

/** Seals a text with the key, or with a key that is derived from the passphrase and the catalog's salt. */
export async function sealText(context: Context, db: Db, text: string): Promise<string> {
  const secret = await context.sealingSecret(true);
  if (secret === undefined)
    throw new FeedctlError("usage", "could not seal the secret: there is no key", {
      hint: "set FEEDCTL_KEY, or pass env:NAME or file:PATH instead",
    });
  const { version } = secret;
  const salt = version === "v1" ? noSalt : await requireSalt(context, db);
  return seal(await secret.key(version, salt), text, context.randomBytes(12));
}

/** Throws `denied` when there is no key, or when the text was sealed with another one. `what` is for the message. */
export async function unsealText(context: Context, db: Db, what: string, sealed: string): Promise<string> {
  const secret = await context.sealingSecret(false);
  const version = sealVersion(sealed);
  if (secret !== undefined && version !== undefined) {
    const salt = version === "v1" ? noSalt : ((await findKeySalt(db)) ?? noSalt);
    const text = unseal(await secret.key(version, salt), sealed);
    if (text !== undefined) return text;
  }
  throw new FeedctlError(
    "denied",
    `could not open the sealed ${what}: ${secret === undefined ? "there is no key" : "it was sealed with another key"}`,
    {
      hint: "provide that key (FEEDCTL_KEY, or the file `key` in the data directory), or set the store again",
    },
  );
}

/** Whether the text should be sealed anew: it was sealed with the mere hash of a passphrase. */
export async function isOutdated(context: Context, sealed: string): Promise<boolean> {
  const secret = await context.sealingSecret(false);
  return secret !== undefined && sealVersion(sealed) !== secret.version;
}

async function requireSalt(context: Context, db: Db): Promise<Buffer> {
  return (await findKeySalt(db)) ?? createKeySalt(db, context.randomBytes(SALT_BYTES));
}
