import { finishRun, insertAuditEvents, insertRun, updateStatistics, type AuditEvent } from "../../catalog/runs.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import type { Context } from "../context.ts";

/** One recorded execution of a mutating command. Disposed without `finish`, it is recorded as failed. */
export interface Run extends AsyncDisposable {
  readonly id: number;
  audit(db: Db, events: readonly AuditEvent[]): Promise<void>;
  finish(summary: object): Promise<void>;
}

/** So many changes make a difference to the catalog's statistics. */
const MANY = 1_000;

/**
 * Records the start. While the run lives it holds the lock `run <id>`, by which others tell a dead run from a slow one
 * (see `deadRuns`).
 */
export async function startRun(context: Context, command: string, feedId: number | null): Promise<Run> {
  const catalog = await context.catalog();
  const id = await insertRun(catalog.db, {
    command,
    feedId,
    actor: context.actor,
    host: context.host,
    pid: context.pid,
    now: context.now(),
  });
  const lock = await catalog.lock({ kind: "run", id, mode: "exclusive" });
  let finished = false;
  let changes = 0;
  return {
    id,
    async audit(db, events) {
      changes += events.length;
      await insertAuditEvents(db, { runId: id, actor: context.actor, feedId, now: context.now() }, events);
    },
    async finish(summary) {
      if (changes >= MANY) await updateStatistics(catalog.db);
      await finishRun(catalog.db, id, { state: "done", summary, now: context.now() });
      finished = true;
    },
    async [Symbol.asyncDispose]() {
      try {
        const state = context.signal.aborted ? "interrupted" : "failed";
        if (!finished) await finishRun(catalog.db, id, { state, summary: null, now: context.now() });
      } catch {
        // the catalog is gone, which is why we are here; the run counts as dead once its lock is
      } finally {
        await lock?.[Symbol.asyncDispose]();
      }
    },
  };
}

/** Those of the runs whose process is gone: their lock can be had. */
export async function deadRuns(catalog: Catalog, ids: Iterable<number>, mine: number): Promise<number[]> {
  const dead = [];
  for (const id of new Set(ids)) {
    if (id === mine) continue;
    await using lock = await catalog.lock({ kind: "run", id, mode: "exclusive" });
    if (lock !== undefined) dead.push(id);
  }
  return dead;
}
