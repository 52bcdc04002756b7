import { migrateCatalog, schemaState, serverVersion, type SchemaState } from "../../catalog/connection/migrate.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import { listLaggingSequences, moveSequence, type Sequence } from "../../catalog/sequences.ts";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { commit } from "../commit/commit.ts";
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
  /** Sequences that give ids which rows have already. */
  lagging: Sequence[];
}

export async function catalogStatus(context: Context): Promise<CatalogStatus> {
  const catalog = await context.bareCatalog({ create: false });
  const schema = await schemaState(catalog);
  return {
    kind: catalog.kind,
    location: catalog.location,
    server: await serverVersion(catalog),
    ...schema,
    lagging: schema.version === 0 ? [] : await listLaggingSequences(catalog.db),
  };
}

/** Moves the sequences that lag past the rows of their tables, and returns how they were. */
export async function repairSequences(context: Context): Promise<Sequence[]> {
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const lagging = await listLaggingSequences(transaction);
    for (const sequence of lagging) await moveSequence(transaction, sequence);
    const about = { runId: null, actor: context.actor, feedId: null, now: context.now() };
    const events = lagging.map(({ table, ...detail }) => ({ action: "sequence repaired", object: table, detail }));
    await insertAuditEvents(transaction, about, events);
    return lagging;
  });
}
