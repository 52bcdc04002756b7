import { migrateCatalog, schemaState, serverVersion, type SchemaState } from "../../catalog/connection/migrate.ts";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { requireInstallation } from "../feed-store/require-installation.ts";

/**
 * Creates the catalog's schema or migrates it to the newest version. Throws `usage` when the schema is newer than that,
 * and without `create` `unavailable` when the embedded catalog does not exist.
 */
export async function initCatalog(
  context: Context,
  options: { create: boolean },
): Promise<{ kind: string; location: string; applied: string[] }> {
  const catalog = await context.bareCatalog(options);
  const before = await schemaState(catalog);
  if (before.version > before.newest)
    throw new FeedctlError(
      "usage",
      `the catalog's schema is version ${before.version}, this feedctl knows only ${before.newest}`,
      { hint: "update feedctl" },
    );
  const applied = await migrateCatalog(catalog);
  await requireInstallation(context, catalog.db, catalog.kind);
  return { kind: catalog.kind, location: catalog.location, applied };
}

export interface CatalogStatus extends SchemaState {
  kind: "postgres" | "pglite";
  location: string;
  server: string;
}

export async function catalogStatus(context: Context): Promise<CatalogStatus> {
  const catalog = await context.bareCatalog({ create: false });
  return {
    kind: catalog.kind,
    location: catalog.location,
    server: await serverVersion(catalog),
    ...(await schemaState(catalog)),
  };
}
