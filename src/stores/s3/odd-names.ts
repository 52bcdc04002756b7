// Servers that keep objects as files of a disk alter names that S3 holds as they are: SeaweedFS and versitygw store `a//b`
// as `a/b`, over the object of that name. Such a name is tried with a probe first.
import { hash, randomBytes } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import { PROBE, PROBE_MD5 } from "../shared/probe.ts";
import type { CallOptions } from "../store.ts";
import type { S3Connection } from "./client.ts";
import { deleteObject } from "./delete.ts";
import { s3Status, translateS3Error } from "./errors/translate.ts";
import { purgeProbes } from "./examine.ts";
import { probeKey, type Key } from "../../lib/key.ts";

interface OddName {
  /** What the whole name of such an object matches. */
  pattern: RegExp;
  /** A name of that kind, below a folder. */
  probe: string;
  /** Completes "its name ...". */
  problem: string;
}

const ODD: readonly OddName[] = [
  { pattern: /^\/|\/\//, probe: "/x", problem: "has a folder without a name" },
  { pattern: /\/$/, probe: "folder/", problem: "ends in a slash, although it has content" },
  { pattern: /(?:^|\/)\.(?:\/|$)/, probe: "./x", problem: 'has the segment "."' },
  { pattern: /(?:^|\/)\.\.(?:\/|$)/, probe: "folder/../x", problem: 'has the segment ".."' },
  { pattern: /\\/, probe: "back\\slash", problem: "holds a backslash" },
  {
    // oxlint-disable-next-line no-control-regex -- the pattern exists to find control characters
    pattern: /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/,
    probe: "escape\u001b\uffff",
    problem: "holds a control character",
  },
];

export interface OddNames {
  /** Throws `invalid` when the server would alter, lose or refuse an object of this name. */
  require(key: Key, size: number, options: CallOptions): Promise<void>;
}

/** Amazon's own service holds every name. Another server is asked once for each kind of name that is put. */
export function createOddNames(connection: S3Connection): OddNames {
  const { isAmazon, prefix, name } = connection;
  const kept = new Map<OddName, Promise<boolean>>();

  return {
    async require(key, size, { signal }) {
      if (isAmazon) return;
      const whole = prefix + key;
      for (const odd of ODD) {
        // every server holds the empty objects that mark folders
        if (!odd.pattern.test(whole) || (size === 0 && odd.probe === "folder/")) continue;
        const asked = kept.get(odd) ?? keepsName(connection, odd, signal);
        kept.set(odd, asked);
        asked.catch(() => kept.delete(odd));
        if (await asked) continue;
        const what = `cannot store ${JSON.stringify(key)} in ${name}: its name ${odd.problem}`;
        throw new FeedctlError("invalid", `${what}, which this server does not keep as it is`, {
          hint: "rename it, or leave it out with --exclude",
        });
      }
    },
  };
}

/** Whether an object whose name is of that kind is listed by its own name and with its content. */
async function keepsName(
  connection: S3Connection,
  { probe }: OddName,
  signal: CallOptions["signal"],
): Promise<boolean> {
  const { calls, prefix } = connection;
  const folder = probeKey(randomBytes(8));
  const whole = prefix + folder + probe;
  const body = { bytes: PROBE, sha256: hash("sha256", PROBE), md5: PROBE_MD5 };
  let listed: string[] = [];
  try {
    await calls.put(whole, body, {}, signal);
    const page = await calls.list(prefix + folder, undefined, signal);
    const isEncoded = page?.encoding === "url";
    const found = (page?.contents ?? []).map(({ key = "", size }) => ({
      key: isEncoded ? decodeName(key) : key,
      size,
    }));
    listed = found.map(({ key }) => key);
    return found.some(({ key, size }) => key === whole && size === PROBE.length);
  } catch (error) {
    if (s3Status(error) === 400) return false;
    throw translateS3Error(error, connection, { action: "try a name in", permission: "s3:PutObject", signal });
  } finally {
    // the first error counts
    for (const each of [...listed, whole]) {
      if (each.startsWith(prefix))
        await deleteObject(connection, each.slice(prefix.length) as Key, undefined).catch(() => {});
    }
    await purgeProbes(connection, folder, undefined).catch(() => {});
  }
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch (error) {
    if (error instanceof URIError) return name;
    throw error;
  }
}
