import { createKeySalt, findKeySalt } from "../../catalog/key-salt.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { registerSecrets } from "../../lib/text/redact.ts";
import { seal, sealVersion, unseal, type SealingSecret } from "../../lib/bytes/seal.ts";
import type { Context } from "../context.ts";

const SALT_BYTES = 16;
const noSalt = Buffer.alloc(0);

/**
 * Seals a text with the key, or with a key that is derived from the passphrase and the catalog's salt. `about` is
 * authenticated with it.
 */
export async function sealText(context: Context, db: Db, text: string, about = ""): Promise<string> {
  const secret = await context.sealingSecret(true);
  if (secret === undefined)
    throw new FeedctlError("usage", "could not seal the store: there is no key", { hint: "set FEEDCTL_KEY" });
  const { version } = secret;
  const salt = version === "v1" ? noSalt : await requireSalt(context, db);
  return seal(await secret.key(version, salt), text, context.randomBytes(12), about);
}

/** Undefined when the text was sealed with another key, about something else, or was modified. */
export async function openSealed(
  secret: SealingSecret,
  db: Db,
  sealed: string,
  about = "",
): Promise<string | undefined> {
  const version = sealVersion(sealed);
  if (version === undefined) return undefined;
  const salt = version === "v1" ? noSalt : ((await findKeySalt(db)) ?? noSalt);
  const text = unseal(await secret.key(version, salt), sealed, about);
  registerSecrets(text);
  return text;
}

/** Whether the text should be sealed anew: it was sealed with the mere hash of a passphrase. */
export function isOutdated(secret: SealingSecret, sealed: string): boolean {
  return sealVersion(sealed) !== secret.version;
}

async function requireSalt(context: Context, db: Db): Promise<Buffer> {
  return (await findKeySalt(db)) ?? createKeySalt(db, context.randomBytes(SALT_BYTES));
}
