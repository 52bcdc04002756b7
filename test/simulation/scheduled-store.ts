import { FeedctlError } from "../../src/errors.ts";
import { throwIfInterrupted } from "../../src/stores/shared/signal.ts";
import type { BlobInfo, Store } from "../../src/stores/store.ts";
import { readSource, type MemoryPlace } from "./memory-store.ts";
import type { Actor, Call, Outcome } from "./actor.ts";

/** Blobs on one page of a listing: few, so that others can write between two pages. */
const PAGE = 2;

export interface ScheduledPlace {
  /** For messages. */
  name: string;
  blobs: MemoryPlace;
  /** Called when a blob is about to be deleted or replaced. Rejects when that breaks a rule. */
  onRemove?: ((key: string, actor: Actor, how: "delete" | "replace") => Promise<void>) | undefined;
  /** Called with each request that changes something. */
  onChange?: ((what: string) => void) | undefined;
}

/** A store of one actor: every request is a call of the schedule. */
export function scheduledStore({ name, blobs, onRemove, onChange }: ScheduledPlace, actor: Actor): Store {
  const request = <T>(label: string, effect: () => Promise<T> | T, rest: Partial<Pick<Call, "kind" | "revert">> = {}) =>
    actor.schedule.call<T>({
      actor,
      label: `${label} in ${name}`,
      kind: "read",
      perform: () => outcomeOf(effect),
      timeout: () => new FeedctlError("unavailable", `${name} did not answer: ${label}`),
      ...rest,
    });
  /** A request that changes the blob at `key`, and that may be lost until it is answered. */
  const change = <T>(label: string, key: string, effect: () => Promise<T> | T) => {
    const before = { blob: blobs.blobs.get(key), made: undefined as unknown };
    const performed = async () => {
      before.blob = blobs.blobs.get(key);
      const result = await effect();
      before.made = blobs.blobs.get(key);
      if (before.made !== before.blob) onChange?.(label);
      return result;
    };
    const revert = () => {
      if (blobs.blobs.get(key) !== before.made) return;
      if (before.blob === undefined) blobs.blobs.delete(key);
      else blobs.blobs.set(key, before.blob);
      actor.schedule.trace.push(`unflushed: ${label} is lost`);
    };
    return request(label, performed, { kind: "change", revert });
  };
  return {
    name,
    type: "disk",
    features: { sortedList: true, atomicCreate: true, listsAll: true, metadata: false },
    async head(key, { signal } = {}) {
      throwIfInterrupted(signal);
      return request(`head ${key}`, () => blobs.head(key));
    },
    async get(key, options = {}) {
      throwIfInterrupted(options.signal);
      return request(`get ${key}`, () => {
        const stream = blobs.get(key, options);
        options.onInfo?.(blobs.head(key) as BlobInfo);
        return stream;
      });
    },
    async put(key, source, options) {
      throwIfInterrupted(options.signal);
      const bytes = await readSource(source, options);
      return change(`put ${key} (${options.ifExists})`, key, async () => {
        if (options.ifExists === "replace" && blobs.head(key) !== undefined) await onRemove?.(key, actor, "replace");
        return blobs.put(key, bytes, {
          ...options,
          modified: options.modified ?? new Date(1_600_000_000_000 + actor.schedule.time),
        });
      });
    },
    async *list(prefix, { signal } = {}) {
      let after = "";
      for (;;) {
        throwIfInterrupted(signal);
        const from = after;
        const page = await request(`list after "${from}"`, () => blobs.list(prefix, from, PAGE));
        yield* page;
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        after = last.key;
      }
    },
    async delete(key, { signal } = {}) {
      throwIfInterrupted(signal);
      return change(`delete ${key}`, key, async () => {
        if (blobs.head(key) !== undefined) await onRemove?.(key, actor, "delete");
        blobs.delete(key);
      });
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function outcomeOf(effect: () => unknown): Promise<Outcome> {
  try {
    return { value: await effect() };
  } catch (error) {
    return { error };
  }
}
