import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, realpath, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FeedctlError } from "../../src/errors.ts";
import type { Context } from "../../src/operations/context.ts";
import { createFilter, type FilterInput } from "../../src/operations/mirror/filter.ts";
import type { MirrorItem, MirrorSummary } from "../../src/operations/mirror/tally.ts";
import type { Place } from "../../src/operations/mirror/parse-location.ts";
import type { CompareOptions } from "../../src/operations/mirror/decide.ts";
import type { MirrorInput } from "../../src/operations/mirror/mirror-run.ts";
import { runMirror } from "../../src/operations/mirror/mirror.ts";
import { parseBlobName } from "../../src/stores/key.ts";
import { locationOf } from "../../src/stores/location.ts";
import { openStore } from "../../src/stores/providers.ts";
import { retrying } from "../../src/stores/retry/retry.ts";
import type { StoreConfig } from "../../src/stores/providers.ts";
import type { BlobInfo, Store } from "../../src/stores/store.ts";
import { readAll } from "./bytes.ts";

/** The events of one run of a mirror. */
export interface MirrorReport {
  items: MirrorItem[];
  /** What it said meanwhile. */
  notices: string[];
  summary: MirrorSummary;
  /** What was thrown after the summary. */
  error: FeedctlError | undefined;
}

export interface MirrorOptions {
  source?: StoreConfig;
  target?: StoreConfig;
  compare?: Partial<CompareOptions>;
  filter?: Partial<FilterInput>;
  input?: Partial<MirrorInput>;
  /** Wraps the stores of a run, for example with faults. */
  wrap?: (store: Store, end: "source" | "target", run: "dry" | "real") => Store;
  /** Set for faults that occur only in the real run, so that the plan cannot have their results. */
  planMayDiffer?: boolean;
  signal?: AbortSignal;
}

/** Two directories `source` and `target`, and a data directory, for one test. */
export interface MirrorPlace extends AsyncDisposable {
  readonly directory: string;
  readonly source: StoreConfig & { type: "disk" };
  readonly target: StoreConfig & { type: "disk" };
  path(...segments: string[]): string;
  /** Writes `content` at `time` (seconds since 2020), by default the same for all. */
  write(path: string, content: string | Uint8Array, time?: number): Promise<void>;
  /** Runs dry and for real, and checks that both agree with each other and with the resulting target. */
  mirror(options?: MirrorOptions): Promise<MirrorReport>;
}

export async function mirrorPlace(): Promise<MirrorPlace> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "feedctl-mirror-")));
  const source = { type: "disk" as const, path: join(directory, "source") };
  const target = { type: "disk" as const, path: join(directory, "target") };
  await mkdir(source.path);
  await mkdir(target.path);
  return {
    directory,
    source,
    target,
    path: (...segments) => join(directory, ...segments),
    async write(path, content, time = 0) {
      const file = join(directory, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      const at = new Date(Date.UTC(2020, 0, 1) + time * 1000);
      await utimes(file, at, at);
    },
    mirror: (options = {}) => {
      // the guard is for large targets; its own tests name what it allows, or undefined
      const input = { maxDelete: { percent: 100 }, ...options.input };
      return provenMirror(join(directory, "data"), { source, target, ...options, input });
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

export const place = (config: StoreConfig): Place => ({ text: "there", config, location: locationOf(config) });

/** A dry run, then the real one. Checks that the events are consistent, and that the target is as they say. */
async function provenMirror(
  dataDir: string,
  options: MirrorOptions & { source: StoreConfig; target: StoreConfig },
): Promise<MirrorReport> {
  const before = { source: await shown(options.source), target: await shown(options.target) };
  const dry = await run(dataDir, options, "dry");
  assert.deepEqual(await shown(options.source), before.source, "a dry run changes nothing in the source");
  assert.deepEqual(await shown(options.target), before.target, "a dry run changes nothing in the target");
  const real = await run(dataDir, options, "real");
  const after = { source: await shown(options.source), target: await shown(options.target) };

  for (const report of [dry, real]) checkReport(report);
  if (options.planMayDiffer !== true) {
    assert.deepEqual(real.items.map(essence).sort(byText), dry.items.map(essence).sort(byText), "the plan is obeyed");
    const { dryRun: _, milliseconds: __, ...planned } = dry.summary;
    const { dryRun: ___, milliseconds: ____, ...done } = real.summary;
    assert.deepEqual(done, planned);
    assert.equal(real.error?.code, dry.error?.code);
    assert.deepEqual([...after.source.keys()], [...before.source.keys()], "a mirror never touches its source");
  }
  const trash = options.input?.trash;
  const visible = [...after.target.values()].filter(({ key }) => trash === undefined || !key.startsWith(`${trash}/`));
  assert.deepEqual(
    Object.fromEntries(visible.map(({ key, size }) => [key, size])),
    predict(before.target, real.items, trash),
  );
  await checkCopies(options, real.items);
  return real;
}

async function run(
  dataDir: string,
  options: MirrorOptions & { source: StoreConfig; target: StoreConfig },
  kind: "dry" | "real",
) {
  const { wrap = (store: Store) => store } = options;
  const input: MirrorInput = {
    source: place(options.source),
    target: place(options.target),
    dryRun: kind === "dry",
    noDelete: false,
    compare: { checksum: false, sizeOnly: false, timeWindow: 1, leave: new Set(), ...options.compare },
    filter: createFilter({ include: [], exclude: [], now: new Date(), ...options.filter }),
    retries: 1,
    wait: 1,
    concurrency: 4,
    approve: async () => {},
    ...options.input,
  };
  const context = testContext(dataDir, {
    signal: options.signal,
    openStore: async (config) => {
      const end = config === input.source.config ? "source" : "target";
      return retrying(wrap(await openStore(config), end, kind), { attempts: 2, delay: 1 });
    },
  });
  return collectReport(context, input);
}

/** Runs a mirror to its end and collects its events; an error after the summary becomes part of the report. */
export async function collectReport(context: Context, input: MirrorInput): Promise<MirrorReport> {
  const items: MirrorItem[] = [];
  const notices: string[] = [];
  let summary: MirrorSummary | undefined;
  let error: FeedctlError | undefined;
  try {
    for await (const event of runMirror({ ...context, notice: (line) => void notices.push(line) }, input)) {
      assert.equal(summary, undefined, "the summary is the last event");
      if (event.type === "summary") summary = event;
      else items.push(event);
    }
  } catch (thrown) {
    error = thrown as FeedctlError;
  }
  if (summary === undefined) throw error ?? new Error("no summary");
  return { items, notices, summary, error };
}

/** A minimal context for a mirror: without catalog and secrets. */
export function testContext(
  dataDir: string,
  given: { signal?: AbortSignal | undefined; openStore?: Context["openStore"] },
): Context {
  const none = () => Promise.reject(new Error("this test has no catalog"));
  return {
    dataDir,
    configuredSettings: new Map(),
    storeProfiles: new Map(),
    concurrency: 4,
    lockWait: 0,
    signal: given.signal ?? new AbortController().signal,
    platform: process.platform,
    actor: "test",
    host: "test",
    pid: process.pid,
    now: () => new Date(),
    clockAhead: async () => 0,
    monotonic: () => performance.now(),
    sleep: () => Promise.resolve(),
    randomBytes,
    env: () => undefined,
    catalog: none,
    createCatalog: none,
    bareCatalog: none,
    withCatalog: async () => undefined,
    releaseCatalog: async () => {},
    openStore: given.openStore ?? (async (config) => retrying(await openStore(config))),
    sealingSecret: async () => undefined,
    readFile: none,
    notice: () => {},
  };
}

/** The blobs of a store, by key. */
export async function shown(config: StoreConfig): Promise<Map<string, BlobInfo>> {
  await using store = await openStore(config);
  const blobs = new Map<string, BlobInfo>();
  for await (const blob of store.list("", { anyName: true })) blobs.set(blob.key, blob);
  return blobs;
}

/** The blobs that the target must have after the reported items, from those before. */
function predict(
  before: Map<string, BlobInfo>,
  items: readonly MirrorItem[],
  trash: string | undefined,
): Record<string, number> {
  const sizes = new Map([...before.values()].map(({ key, size }) => [key as string, size]));
  if (trash !== undefined) for (const key of sizes.keys()) if (key.startsWith(`${trash}/`)) sizes.delete(key);
  for (const { outcome, key, bytes } of items) {
    if (outcome === "copied") sizes.set(key, bytes);
    if (outcome === "deleted") assert.ok(sizes.delete(key), `${key} was deleted, but was not there`);
  }
  return Object.fromEntries([...sizes].sort(([a], [b]) => Buffer.from(a).compare(Buffer.from(b))));
}

function checkReport({ items, summary, error }: MirrorReport): void {
  const count = (outcome: string) => items.filter((item) => item.outcome === outcome).length;
  assert.equal(summary.total, summary.copied + summary.skipped + summary.mismatch + summary.failed);
  const { copied, skipped, mismatch, extras, deleted, foreign } = summary;
  assert.deepEqual(
    { copied, skipped, mismatch, extras, deleted, foreign },
    {
      copied: count("copied"),
      skipped: count("skipped"),
      mismatch: count("mismatch"),
      extras: count("extra"),
      deleted: count("deleted"),
      foreign: count("foreign"),
    },
  );
  const undeleted = items.filter((item) => item.outcome === "failed" && item.class === "extra").length;
  if (error === undefined) assert.equal(summary.failed, count("failed") - undeleted);
  const settled = items.filter(({ outcome }) => ["copied", "skipped", "mismatch", "failed"].includes(outcome));
  assert.equal(new Set(settled.map(({ key }) => key)).size, settled.length, "a key has one outcome");
  assert.equal(
    summary.bytes,
    items.reduce((sum, item) => sum + (item.outcome === "copied" ? item.bytes : 0), 0),
  );
  if (summary.failed + summary.mismatch > 0 || error !== undefined) {
    const isDoubtful = summary.failed > 0 && error === undefined;
    assert.ok(!isDoubtful || summary.deleted === 0, "nothing is deleted on doubt");
    assert.ok((summary.robocopyStatus & 0b11100) !== 0);
  } else assert.ok(undeleted > 0 ? summary.robocopyStatus >= 8 : summary.robocopyStatus < 4);
}

async function checkCopies(
  options: { source: StoreConfig; target: StoreConfig; planMayDiffer?: boolean },
  items: readonly MirrorItem[],
) {
  if (options.planMayDiffer === true) return; // the source may have changed
  await using source = await openStore(options.source);
  await using target = await openStore(options.target);
  for (const { key, outcome } of items) {
    if (outcome !== "copied") continue;
    const [from, to] = await Promise.all(
      [source, target].map(async (store) => readAll(await store.get(parseBlobName(key)))),
    );
    assert.ok(from!.equals(to!), `${key} was copied byte for byte`);
  }
}

const essence = ({ class: kind, outcome, key, bytes }: MirrorItem) => `${key} ${kind} ${outcome} ${bytes}`;
const byText = (a: string, b: string) => (a < b ? -1 : 1);

/** `key: class outcome` of every item, sorted, for a test to compare with; postponed attempts are left out. */
export function said({ items }: MirrorReport): string[] {
  return items
    .filter(({ outcome }) => outcome !== "postponed")
    .map((item) => `${item.key}: ${item.class} ${item.outcome}`)
    .sort(byText);
}
