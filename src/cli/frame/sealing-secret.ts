import { randomBytes } from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FeedctlError } from "../../errors.ts";
import { isDiskFull } from "../../lib/files/disk-full.ts";
import { syncFolder } from "../../lib/files/flush.ts";
import { hasNoHardLinks } from "../../lib/files/hard-links.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import { registerSecrets } from "../../lib/text/redact.ts";
import { parseSecret, type SealingSecret } from "../../lib/bytes/seal.ts";
import type { Io } from "./io.ts";
import { readableByOthers, readTrustedFile } from "./trusted-file.ts";

/**
 * Reads what secrets are sealed with: FEEDCTL_KEY, else the key file. With `create` a missing key file is created.
 * Undefined when there is none. Throws `denied` for a key file that others can read or that belongs to another user.
 */
export async function readSealingSecret(
  io: Io,
  path: string,
  create: boolean,
  makeLink: typeof link = link,
): Promise<SealingSecret | undefined> {
  const given = io.env["FEEDCTL_KEY"];
  registerSecrets(given);
  if (given) return parseSecret(given);
  const saved = await readKeyFile(path);
  if (saved !== undefined || !create) return saved;
  await createKeyFile(path, makeLink);
  return readKeyFile(path);
}

/** Reads an earlier key from `env:NAME` or `file:PATH`. Throws `usage`, and `denied` when it cannot be read. */
export async function readEarlierSecret(io: Io, reference: string): Promise<SealingSecret> {
  if (reference.startsWith("env:")) {
    const name = reference.slice("env:".length);
    const given = io.env[name];
    registerSecrets(given);
    if (given) return parseSecret(given);
    throw new FeedctlError("denied", `the earlier key is not set: ${name}`, { hint: `set it in this environment` });
  }
  if (!reference.startsWith("file:"))
    throw new FeedctlError("usage", "--from takes env:NAME or file:PATH", { hint: "a key is not typed, nor shown" });
  const path = resolve(io.cwd, reference.slice("file:".length));
  const saved = await readKeyFile(path);
  if (saved !== undefined) return saved;
  throw new FeedctlError("not-found", `the key file ${path} does not exist`);
}

/** A warning for a passphrase that is easily guessed; undefined for a good one. */
export function weaknessWarning(io: Io, path: string, secret: SealingSecret): string | undefined {
  if (secret.weakness === undefined) return undefined;
  const origin = io.env["FEEDCTL_KEY"] ? "FEEDCTL_KEY" : `the key file ${path}`;
  return `warning: the passphrase in ${origin} is weak: ${secret.weakness}; make a key with: openssl rand -hex 32`;
}

/** Durable before anything is sealed with it: a power cut must not leave values that no key opens. */
async function createKeyFile(path: string, makeLink: typeof link): Promise<void> {
  const folder = dirname(resolve(path));
  const temp = `${path}.${randomBytes(8).toString("hex")}`;
  try {
    await makeFolders(folder, { mode: 0o700 });
    const key = `${randomBytes(32).toString("hex")}\n`;
    await writeKey(temp, key);
    await makeLink(temp, path)
      // a rename could replace the key of another process, which has sealed with it already
      .catch((error: unknown) => (hasNoHardLinks(error) ? writeKey(path, key) : Promise.reject(error as Error)))
      // another process has created the file first: its key is used
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
    await syncFolder(folder);
  } catch (error) {
    const isFull = isDiskFull(error);
    throw new FeedctlError(
      isFull ? "full" : "denied",
      `the key file ${path} could not be created: ${(error as Error).message}`,
      { cause: error, hint: isFull ? "free space on that disk" : "set FEEDCTL_KEY or FEEDCTL_KEY_FILE" },
    );
  } finally {
    await rm(temp, { force: true });
  }
}

async function writeKey(path: string, key: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    // stricter than the umask; a file system without modes refuses, and the file is looked at when it is read
    await file.chmod(0o600).catch(() => {});
    await file.writeFile(key);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Milliseconds, several times, in which another process writes the key into the file that it has just created. */
const WRITING = 50;

async function readKeyFile(path: string, tries = 10): Promise<SealingSecret | undefined> {
  let file;
  try {
    file = await readTrustedFile(path, readableByOthers);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FeedctlError("denied", `the key file ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (file.problem !== undefined)
    throw new FeedctlError("denied", `the key file ${path} is not used: ${file.problem}`, {
      hint: `only its user may own and read it: chown and chmod 600 ${path}`,
    });
  const text = file.bytes?.toString("utf8").trim() ?? "";
  if (text === "" && tries > 1) {
    await sleep(WRITING);
    return readKeyFile(path, tries - 1);
  }
  if (text === "")
    throw new FeedctlError("denied", `the key file ${path} holds no key`, {
      hint: "restore it from a backup; without it the sealed secrets are lost",
    });
  registerSecrets(text);
  return parseSecret(text);
}
