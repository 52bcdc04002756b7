import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { hashBytes } from "../../lib/bytes/hash.ts";
import { PROBES, type Key } from "../../lib/key.ts";
import type { BlobSource, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import type { StoreTraits } from "../../stores/traits.ts";
import { openFeedStore, requireStore } from "../feed-store/open-feed-store.ts";
import { newProbe } from "../feed-store/probes.ts";
import { examineStore } from "../feed-store/store-traits.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { memorySource } from "../local-files/memory-source.ts";

export const probeSteps = [
  ...(["open", "list", "create", "read back", "conditional create", "replace", "delete", "examine"] as const),
] as const;
export type ProbeStep = (typeof probeSteps)[number];

export interface ProbeEvent {
  type: "step";
  step: ProbeStep;
  ok: boolean;
  /** Why it failed. */
  error?: { code: string; message: string; hint?: string | undefined };
  milliseconds: number;
}

export interface ProbeSummary {
  type: "summary";
  feed: string;
  location: string;
  ok: boolean;
  /** What was found of the provider; null: a disk, or a step failed before it was asked. */
  traits: StoreTraits | null;
}

/**
 * Performs every store operation that feedctl needs with a probe blob, and stops at the first that fails. Removes the
 * probe in any case. Throws the failed step's error after the summary, so that it decides the exit status.
 */
export async function* testStore(context: Context, name: string): AsyncGenerator<ProbeEvent | ProbeSummary> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, name);
  const row = await requireStore(db, feed);
  const key = newProbe(context, "probe");
  const first = memorySource(Buffer.from(`feedctl store test, first content\n`));
  const second = memorySource(Buffer.from(`feedctl store test, other content\n`));
  let store: Store | undefined;
  let traits: StoreTraits | undefined;
  let written: "stored" | "deleted" | undefined;
  let failure: unknown;

  const opened = () => store ?? raise("the store is not open");
  const actions: Record<ProbeStep, () => Promise<void>> = {
    async open() {
      store = await openFeedStore(context, db, feed, row);
    },
    async list() {
      for await (const _ of opened().list(PROBES, { signal: context.signal })) break;
    },
    async create() {
      written = "stored";
      const { outcome } = await put(context, opened(), { key, source: first, ifExists: "fail" });
      if (outcome !== "created") raise(`storing a new blob returned "${outcome}"`);
    },
    async "read back"() {
      const info = await opened().head(key, { signal: context.signal });
      if (info === undefined) raise("a blob that was just stored does not exist");
      if (info.size !== first.size) raise(`the blob has ${info.size} bytes instead of ${first.size}`);
      const chunks = await (await opened().get(key, { signal: context.signal })).toArray();
      if (!Buffer.concat(chunks as Buffer[]).equals(first.bytes)) raise("the bytes read differ from the bytes written");
      let listed = false;
      for await (const blob of opened().list(key, { signal: context.signal })) listed ||= blob.key === key;
      if (!listed) raise("the listing lacks a blob that was just stored");
    },
    async "conditional create"() {
      const refused = await put(context, opened(), { key, source: second, ifExists: "fail" }).then(
        () => false,
        (error: unknown) => {
          if (error instanceof FeedctlError && error.code === "conflict") return true;
          throw error;
        },
      );
      if (!refused) raise("a conditional create overwrote an existing blob: the store ignores If-None-Match");
    },
    async replace() {
      const { outcome } = await put(context, opened(), { key, source: second, ifExists: "replace" });
      if (outcome !== "replaced") raise(`replacing a blob returned "${outcome}"`);
    },
    async delete() {
      await opened().delete(key, { signal: context.signal });
      if ((await opened().head(key, { signal: context.signal })) !== undefined)
        raise("the blob still exists after its deletion");
      written = "deleted";
    },
    async examine() {
      traits = await examineStore(context, db, { row, store: opened(), probes: true });
    },
  };

  try {
    for (const step of probeSteps) {
      const started = performance.now();
      try {
        await actions[step]();
        yield { type: "step", step, ok: true, milliseconds: Math.round(performance.now() - started) };
      } catch (error) {
        if (!(error instanceof FeedctlError) || error.code === "interrupted") throw error;
        failure = error;
        yield {
          type: "step",
          step,
          ok: false,
          error: { code: error.code, message: error.message, hint: error.hint },
          milliseconds: Math.round(performance.now() - started),
        };
        break;
      }
    }
    const ok = failure === undefined;
    yield { type: "summary", feed: feed.name, location: store?.name ?? "", ok, traits: traits ?? null };
  } finally {
    if (written === "stored") await store?.delete(key).catch(() => {}); // the step's error is the one to report
    if (written !== undefined && store !== undefined) await purgeProbes(context, store, key);
    await store?.[Symbol.asyncDispose]();
  }
  if (failure !== undefined) throw failure;
}

/** Removes the versions that the probes have left. They stay where a lock or missing permissions keep them. */
async function purgeProbes(context: Context, store: Store, key: Key): Promise<void> {
  try {
    await store.purge?.(key);
  } catch (error) {
    if (!isFeedctlError(error)) throw error;
    context.notice(`versions of the probe ${key} stay in the store: ${error.message}`);
  }
}

/**
 * Checks that this process can create, write, rename and delete files in a store's directory. Without the check,
 * missing permissions would show only at the first import. Throws `denied`.
 */
export async function checkControl(context: Context, store: Store): Promise<void> {
  try {
    await storeProbe(context, store);
  } catch (error) {
    if (!isFeedctlError(error, "denied")) throw error;
    throw new FeedctlError("denied", `${context.actor} does not have full control of ${store.name}: ${error.message}`, {
      cause: error,
      hint: "allow this user to create, change and delete files there",
    });
  }
}

/** Stores a probe as blobs are stored, and removes it. */
export async function storeProbe(context: Context, store: Store): Promise<void> {
  const key = newProbe(context, "probe");
  // a server without conditional writes is not known yet
  await put(context, store, {
    key,
    source: memorySource(Buffer.from("feedctl checks this place\n")),
    ifExists: "replace",
  });
  await store.delete(key, { signal: context.signal });
  await purgeProbes(context, store, key);
}

function put(
  context: Context,
  store: Store,
  { key, source, ifExists }: { key: Key; source: BlobSource & { bytes: Buffer }; ifExists: "fail" | "replace" },
) {
  const { md5, sha256 } = hashBytes(source.bytes);
  return store.put(key, source, { ifExists, md5, sha256, contentType: "text/plain", signal: context.signal });
}

function raise(message: string): never {
  throw new FeedctlError("corrupt", message, { hint: "this server cannot store packages safely" });
}
