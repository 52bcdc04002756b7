import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import { FeedctlError } from "../../errors.ts";
import { keyFromText } from "../../lib/seal.ts";
import type { Context } from "../../operations/context.ts";
import { createClock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Io } from "./io.ts";
import { createRetryLines } from "./retry-lines.ts";

/**
 * The only place where catalogs and stores are opened, each on first use. `verbose`, if given, gets messages that
 * `notice` does not: retries of store calls.
 */
export function createContext(
  io: Io,
  config: Config,
  notice: Context["notice"],
  verbose?: (message: string) => void,
): Context & AsyncDisposable {
  let bare: Promise<Catalog> | undefined;
  let ready: Promise<Catalog> | undefined;
  const lockWait = config.lockWait * 1000;
  const clock = createClock(io);
  const onRetry = verbose === undefined ? undefined : createRetryLines(verbose, () => io.now());

  const openBare = () =>
    (bare ??= import("../../catalog/connection/open.ts").then(({ openCatalog }) =>
      openCatalog({
        databaseUrl: config.databaseUrl,
        dataDir: config.dataDir,
        snapshot: fileURLToPath(new URL("../../catalog-snapshot.tar.gz", import.meta.url)),
        wait: lockWait,
        onWait: notice,
        signal: io.signal,
      }),
    ));

  return {
    dataDir: config.dataDir,
    configuredSettings: config.settings,
    storeProfiles: config.stores,
    concurrency: config.concurrency,
    lockWait,
    signal: io.signal,
    platform: io.platform,
    actor: userName(io),
    host: hostname(),
    pid: io.pid,
    now: () => clock.now(),
    async clockAhead() {
      return clock.compare(await this.catalog());
    },
    randomBytes,
    env: (name) => io.env[name],
    bareCatalog: openBare,
    catalog: () =>
      (ready ??= (async () => {
        const catalog = await openBare();
        const { requireSchema } = await import("../../catalog/connection/migrate.ts");
        await requireSchema(catalog);
        await clock.compare(catalog);
        return catalog;
      })()),
    async withCatalog(look) {
      if (config.databaseUrl === undefined && !existsSync(join(config.dataDir, "catalog"))) return undefined;
      const catalog = await this.catalog();
      try {
        return await look(catalog);
      } finally {
        if (catalog.kind === "pglite") {
          bare = ready = undefined;
          await catalog[Symbol.asyncDispose]();
        }
      }
    },
    async openStore(storeConfig) {
      const { openStore } = await import("../../stores/providers.ts");
      const { retrying } = await import("../../stores/retry/retry.ts");
      return retrying(await openStore(storeConfig), { onRetry });
    },
    sealingKey: (create) => sealingKey(io, config.keyFile, create),
    readFile: (path) => readFile(path, "utf8"),
    notice,
    async [Symbol.asyncDispose]() {
      const catalog = await bare?.catch(() => undefined);
      await catalog?.[Symbol.asyncDispose]();
    },
  };
}

/** FEEDCTL_KEY overrides the key file. The file is created on first use, readable by its owner only. */
async function sealingKey(io: Io, path: string, create: boolean): Promise<Buffer | undefined> {
  const given = io.env["FEEDCTL_KEY"];
  if (given) return keyFromText(given);
  const saved = await readKey(path);
  if (saved !== undefined || !create) return saved;
  const temp = `${path}.${io.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temp, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    await chmod(temp, 0o600);
    // link fails when another process has created the file first: its key is used
    await link(temp, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } catch (error) {
    throw new FeedctlError("denied", `the key file ${path} could not be created: ${(error as Error).message}`, {
      cause: error,
      hint: "set FEEDCTL_KEY or FEEDCTL_KEY_FILE",
    });
  } finally {
    await rm(temp, { force: true });
  }
  return readKey(path);
}

async function readKey(path: string): Promise<Buffer | undefined> {
  try {
    return keyFromText((await readFile(path, "utf8")).trim());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FeedctlError("denied", `the key file ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function userName(io: Io): string {
  try {
    return userInfo().username;
  } catch {
    return io.env["USER"] ?? io.env["USERNAME"] ?? "unknown"; // a container's uid without a passwd entry
  }
}
