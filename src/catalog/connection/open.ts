import { lstatSync } from "node:fs";
import { join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import type { Catalog } from "./catalog.ts";
import type { EmbeddedOptions } from "./open-pglite.ts";
import type { Environment } from "./tls.ts";

export interface CatalogOptions extends EmbeddedOptions {
  /** Chooses PostgreSQL; without it the embedded catalog is used. */
  databaseUrl?: string | undefined;
  /** Environment variables, for those of libpq that configure TLS. */
  env?: Environment | undefined;
  /** Creates the embedded catalog when it does not exist. */
  create: boolean;
}

/** Whether the embedded catalog exists; it may belong to an older schema, be damaged, or be a link to a lost disk. */
function embeddedCatalogExists(dataDir: string): boolean {
  return lstatSync(join(dataDir, "catalog"), { throwIfNoEntry: false }) !== undefined;
}

/**
 * Throws `unavailable` for a catalog that only `init` and `feed create` may make. A script whose FEEDCTL_DATABASE_URL is
 * lost would otherwise succeed on a catalog that is new and empty.
 */
export function refuseMissingCatalog(location: string): never {
  throw new FeedctlError("unavailable", `there is no catalog at ${location}`, {
    hint: "create it with: feedctl init; or, for a catalog on PostgreSQL, set FEEDCTL_DATABASE_URL",
  });
}

/** Opens the catalog without checking its schema; see `requireSchema`. Loads only the driver that is used. */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  if (options.databaseUrl) return (await import("./open-postgres.ts")).openPostgres(options.databaseUrl, options.env);
  if (!options.create && !embeddedCatalogExists(options.dataDir))
    refuseMissingCatalog(join(options.dataDir, "catalog"));
  return (await import("./open-pglite.ts")).openPglite(options);
}
