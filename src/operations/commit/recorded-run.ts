import { finishRun, insertAuditEvents, insertRun, updateStatistics, type AuditEvent } from "../../catalog/runs.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Catalog } from "../../catalog/connection/catalog.ts";
import type { Context } from "../context.ts";
import type { Holder } from "./commit.ts";

/** One recorded execution of a mutating command. Disposed without `finish`, it is recorded as failed. */
export interface Run extends AsyncDisposable, Holder {
  readonly id: number;
  audit(db: Db, events: readonly AuditEvent[]): Promise<void>;
  finish(summary: object): Promise<void>;
}

/** From this many audit events on, the database's statistics are updated when the run ends. */
const MANY = 1_000;

/**
 * Records a run's start. The run holds the lock `run <id>` until it ends, so that others can detect dead runs
 * (`deadRuns`), and its transactions prove that lock.
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
  if (lock === undefined) throw new Error(`run ${id} is new, but its lock is held`);
  let finished = false;
  let changes = 0;
  return {
    id,
    proofs: lock.proofs,
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
        // probably the catalog is unreachable: the run counts as dead once its lock is released
      } finally {
        await lock[Symbol.asyncDispose]();
      }
    },
  };
}

/**
 * The runs, without `mine`, that are dead: their lock can be acquired. One that is still alive, but whose connection
 * broke, cannot commit any more: its lock is taken over here.
 */
export async function deadRuns(catalog: Catalog, ids: Iterable<number>, mine: number): Promise<number[]> {
  const dead = [];
  for (const id of new Set(ids)) {
    if (id === mine) continue;
    await using lock = await catalog.lock({ kind: "run", id, mode: "exclusive" });
    if (lock !== undefined) dead.push(id);
  }
  return dead;
}
