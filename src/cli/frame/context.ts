import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ownFile } from "../../lib/own-file.ts";
import type { SealingSecret } from "../../lib/seal.ts";
import type { Context } from "../../operations/context.ts";
import { createClock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Io } from "./io.ts";
import { createRetryLines } from "./retry-lines.ts";
import { readSealingSecret, weaknessWarning } from "./sealing-secret.ts";

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
  let sealing: Promise<SealingSecret | undefined> | undefined;
  let warned = false;
  const lockWait = config.lockWait * 1000;
  const clock = createClock(io);
  const onRetry = verbose === undefined ? undefined : createRetryLines(verbose, () => io.now());
  const retry = { onRetry, now: io.monotonic, sleep: io.sleep };

  const bare = kept(async (create: boolean) => {
    const { openCatalog } = await import("../../catalog/connection/open.ts");
    return openCatalog({
      databaseUrl: config.databaseUrl,
      create,
      env: io.env,
      dataDir: config.dataDir,
      snapshot: fileURLToPath(ownFile("catalog-snapshot.tar.gz")),
      wait: lockWait,
      onWait: notice,
      signal: io.signal,
    });
  });
  const ready = kept(async (create: boolean) => {
    const isNew = isMissing();
    const catalog = await bare.get(create);
    const { requireSchema } = await import("../../catalog/connection/migrate.ts");
    const wasEmpty = await requireSchema(catalog, { create });
    if (isNew || wasEmpty) notice(`created a new catalog: ${catalog.location}`);
    await clock.compare(catalog);
    return catalog;
  });

  async function releaseCatalog(): Promise<void> {
    const catalog = await bare.opened()?.catch(() => undefined);
    if (catalog?.kind !== "pglite") return;
    bare.forget();
    ready.forget();
    await catalog[Symbol.asyncDispose]();
  }

  const isMissing = () => config.databaseUrl === undefined && !existsSync(join(config.dataDir, "catalog"));

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
    monotonic: () => io.monotonic?.() ?? performance.now(),
    sleep: (milliseconds) => io.sleep?.(milliseconds) ?? sleep(milliseconds, undefined, { signal: io.signal }),
    randomBytes,
    env: (name) => io.env[name],
    bareCatalog: ({ create }) => bare.get(create),
    catalog: () => ready.get(false),
    createCatalog: () => ready.get(true),
    async withCatalog(look) {
      if (isMissing()) return undefined;
      try {
        const catalog = await bare.get(false);
        const { schemaState } = await import("../../catalog/connection/migrate.ts");
        if ((await schemaState(catalog)).version === 0) return undefined;
        return await look(await this.catalog());
      } finally {
        await releaseCatalog();
      }
    },
    releaseCatalog,
    async openStore(storeConfig, options) {
      const { openStore } = await import("../../stores/providers.ts");
      const { retrying } = await import("../../stores/retry/retry.ts");
      return retrying(await openStore(storeConfig, { ...options, temporary: join(config.dataDir, "listings") }), retry);
    },
    async sealingSecret(create) {
      const secret = await (sealing ??= readSealingSecret(io, config.keyFile, create));
      if (secret === undefined) {
        sealing = undefined; // the next caller may create it
      } else if (create && !warned) {
        warned = true;
        const warning = weaknessWarning(io, config.keyFile, secret);
        if (warning !== undefined) notice(warning);
      }
      return secret;
    },
    readFile: (path) => readFile(path, "utf8"),
    notice,
    async [Symbol.asyncDispose]() {
      const catalog = await bare.opened()?.catch(() => undefined);
      await catalog?.[Symbol.asyncDispose]();
    },
  };
}

/** A value that is opened on first use and kept. A failure is not: the next use tries again, after an outage. */
function kept<T>(open: (create: boolean) => Promise<T>) {
  let opened: Promise<T> | undefined;
  return {
    get(create: boolean): Promise<T> {
      if (opened !== undefined) return opened;
      const opening = open(create);
      opened = opening;
      opening.catch(() => {
        if (opened === opening) opened = undefined;
      });
      return opening;
    },
    opened: () => opened,
    forget: () => void (opened = undefined),
  };
}

function userName(io: Io): string {
  try {
    return userInfo().username;
  } catch {
    return io.env["USER"] ?? io.env["USERNAME"] ?? "unknown"; // a container's uid without a passwd entry
  }
}
