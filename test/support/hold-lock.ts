import assert from "node:assert/strict";
import type { LockRequest } from "../../src/catalog/connection/catalog.ts";
import { openPostgres } from "../../src/catalog/connection/open-postgres.ts";

/** Holds a lock of the catalog as another process would, until it is disposed. */
export async function holdLock(
  url: string | undefined,
  request: Omit<LockRequest, "mode">,
  mode: LockRequest["mode"] = "exclusive",
): Promise<AsyncDisposable> {
  assert.ok(url !== undefined);
  const catalog = await openPostgres(url);
  if ((await catalog.lock({ ...request, mode })) === undefined) throw new Error("another process holds the lock");
  return catalog;
}
