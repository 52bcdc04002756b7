import { createReadStream, existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { batched } from "../../lib/lists/batches.ts";
import { compareKeys } from "../../lib/key.ts";

/** The tags that source and target had when they were proven equal. */
export interface JournalEntry {
  key: string;
  source: string;
  target: string;
}

/**
 * A file of proofs that blobs of source and target are equal, in key order, kept from run to run. With it a run that
 * finds nothing to do needs two listings and no request per blob. It is a cache: without it all blobs are compared
 * again.
 */
export interface Journal {
  /** Yields the proofs of the previous run, in key order. */
  read(): AsyncGenerator<JournalEntry>;
  /** Adds a proof of this run. Keys must come in order. */
  write(entry: JournalEntry): Promise<void>;
  /**
   * Replaces the previous proofs by this run's. Unless `complete`, previous proofs after the last written key are kept.
   */
  close(complete: boolean): Promise<void>;
}

const FLUSH = 256 * 1024;
/** Bytes per read: some hundred entries. */
const CHUNK = 32 * 1024;
const HEAD = "feedctl mirror journal 1\n";

/** `readOnly`: writes nothing, for a dry run. */
export function openJournal(path: string, { readOnly }: { readOnly: boolean }): Journal {
  const temp = `${path}.new`;
  let lines: string[] = [];
  let buffered = 0;
  let last = "";
  let file: Awaited<ReturnType<typeof open>> | undefined;

  async function flush(): Promise<void> {
    file ??= await open(temp, "w", 0o600);
    await file.writeFile(lines.join(""));
    lines = [];
    buffered = 0;
  }

  async function append(entry: JournalEntry): Promise<void> {
    const line = `${JSON.stringify([entry.key, entry.source, entry.target])}\n`;
    if (file === undefined && lines.length === 0) lines.push(HEAD);
    lines.push(line);
    buffered += line.length;
    last = entry.key;
    if (buffered >= FLUSH) await flush();
  }

  async function* readBatches(): AsyncGenerator<JournalEntry[], void> {
    if (!existsSync(path)) return;
    let rest = "";
    let before = "";
    let first = true;
    for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: CHUNK })) {
      const parts = (rest + String(chunk)).split("\n");
      rest = parts.pop() ?? "";
      const entries: JournalEntry[] = [];
      for (const part of parts) {
        if (first) {
          if (`${part}\n` !== HEAD) return; // written by another version: ignored
          first = false;
          continue;
        }
        const entry = parse(part);
        // damaged: the rest is not trusted
        if (entry === undefined || (before !== "" && compareKeys(before, entry.key) >= 0)) return yield entries;
        before = entry.key;
        entries.push(entry);
      }
      yield entries;
    }
  }

  const read = () => batched(readBatches);

  return {
    read,
    async write(entry) {
      if (!readOnly) await append(entry);
    },
    async close(complete) {
      if (readOnly) return;
      if (!complete) {
        const from = last;
        for await (const entry of read()) if (from === "" || compareKeys(entry.key, from) > 0) await append(entry);
      }
      if (file === undefined && lines.length === 0) {
        if (complete) await rm(path, { force: true });
        return;
      }
      await flush();
      await file?.close();
      await rename(temp, path);
    },
  };
}

function parse(line: string): JournalEntry | undefined {
  try {
    const [key, source, target] = JSON.parse(line) as unknown[];
    return typeof key === "string" && typeof source === "string" && typeof target === "string"
      ? { key, source, target }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Writes proofs to the journal in key order, although copies end in any order. Memory is bounded. */
export interface OrderedProofs {
  /** A promise to await before adding more, when writing has fallen behind; else undefined. */
  room(): Promise<void> | undefined;
  /** Adds a proof that is known at once; undefined: this key has none. */
  add(entry: JournalEntry | undefined): void;
  /** Reserves the next position for the proof of a copy that is running. */
  reserve(): Slot;
  /** Sets the proof of a reserved position; undefined: the key has none. */
  fill(slot: Slot, entry: JournalEntry | undefined): void;
  close(complete: boolean): Promise<void>;
}

interface Slot {
  entry: JournalEntry | undefined;
  done: boolean;
}

/**
 * How many proofs wait for an earlier one. Beyond that the slow one is dropped, and the next run compares its blob
 * again.
 */
const MOST_WAITING = 20_000;

export function journalInOrder(journal: Journal): OrderedProofs {
  let slots: Slot[] = [];
  let first = 0;
  let failed = false;
  let ready: JournalEntry[] = [];
  let writing: Promise<void> | undefined;

  async function writeReady(): Promise<void> {
    try {
      while (ready.length > 0) {
        const batch = ready;
        ready = [];
        for (const entry of batch) await journal.write(entry);
      }
    } catch {
      // the journal is a cache: a full disk must not end the run
      failed = true;
      ready = [];
    }
    writing = undefined;
  }

  function put(entry: JournalEntry): void {
    if (failed) return;
    ready.push(entry);
    writing ??= writeReady();
  }

  function drain(all: boolean): void {
    while (first < slots.length) {
      const slot = slots[first] as Slot;
      if (!slot.done && !all && slots.length - first < MOST_WAITING) break;
      const { entry, done } = slot;
      if (done && entry !== undefined) put(entry);
      slot.done = true;
      first++;
    }
    if (first > 4096) {
      slots = slots.slice(first);
      first = 0;
    }
  }

  return {
    room: () => (ready.length < MOST_WAITING ? undefined : writing),
    add(entry) {
      if (entry === undefined) return;
      slots.push({ entry, done: true });
      drain(false);
    },
    reserve() {
      const slot: Slot = { entry: undefined, done: false };
      slots.push(slot);
      return slot;
    },
    fill(slot, entry) {
      if (slot.done) return; // dropped meanwhile
      slot.entry = entry;
      slot.done = true;
      drain(false);
    },
    async close(complete) {
      drain(true);
      await writing;
      await journal.close(complete && !failed).catch(() => {});
    },
  };
}
