import { hashBytes } from "../../lib/bytes/hash.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { memorySource } from "../local-files/memory-source.ts";
import { newProbe } from "./probes.ts";

/** Whether a blob that is stored in one of the stores appears in the other. A copy of a store has a marker as well. */
export async function isSamePlace(context: Context, one: Store, other: Store): Promise<boolean> {
  const { signal } = context;
  const key = newProbe(context, "place");
  const bytes = Buffer.from("feedctl compares two places\n");
  await one.put(key, memorySource(bytes), { ifExists: "fail", ...hashBytes(bytes), signal });
  try {
    return (await other.head(key, { signal })) !== undefined;
  } finally {
    await one.delete(key);
    await one.purge?.(key).catch(() => {}); // a version of the probe may stay where it cannot be deleted
  }
}
