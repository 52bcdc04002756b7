import type { Catalog } from "./catalog.ts";
import type { EmbeddedOptions } from "./open-pglite.ts";
import type { Environment } from "./tls.ts";

export interface CatalogOptions extends EmbeddedOptions {
  /** Chooses PostgreSQL; without it the embedded catalog is used. */
  databaseUrl?: string | undefined;
  /** Environment variables, for those of libpq that configure TLS. */
  env?: Environment | undefined;
}

/** Opens the catalog without checking its schema; see `requireSchema`. Loads only the driver that is used. */
export async function openCatalog(options: CatalogOptions): Promise<Catalog> {
  if (options.databaseUrl) return (await import("./open-postgres.ts")).openPostgres(options.databaseUrl, options.env);
  return (await import("./open-pglite.ts")).openPglite(options);
}
