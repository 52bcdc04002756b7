import { hash } from "node:crypto";
import { Readable } from "node:stream";
import { FeedctlError } from "../../src/errors.ts";
import { isMarker, isProbe, PROBES, type Key } from "../../src/lib/key.ts";
import { throwIfInterrupted } from "../../src/stores/shared/signal.ts";
import { readVerified } from "../../src/stores/shared/verified-source.ts";
import type { BlobInfo, BlobSource, GetOptions, PutOptions, PutResult } from "../../src/stores/store.ts";

const CHUNK = 64 * 1024;

export interface Blob {
  info: BlobInfo;
  bytes: Buffer;
}

/** The blobs of one place. Each method takes effect at once; `scheduledStore` makes requests of them. */
export class MemoryPlace {
  readonly blobs = new Map<string, Blob>();
  #version = 0;

  head(key: Key): BlobInfo | undefined {
    return this.blobs.get(key)?.info;
  }

  get(key: Key, { range, known, signal }: GetOptions): Readable {
    const blob = this.blobs.get(key);
    if (blob === undefined) throw new FeedctlError("not-found", `${key} does not exist`);
    if (known?.tag !== undefined && known.tag !== blob.info.tag)
      throw new FeedctlError("corrupt", `${key} has changed since it was listed`);
    const { start = 0, end = blob.bytes.length } = range ?? {};
    if (range !== undefined && (!Number.isInteger(start) || start < 0 || start >= blob.bytes.length || end <= start))
      throw new FeedctlError("usage", `${key} has no bytes from ${start} to ${end}`);
    const bytes = blob.bytes.subarray(start, end);
    return Readable.from(chunksOf(bytes, signal));
  }

  put(key: Key, bytes: Buffer, { ifExists, modified = new Date() }: PutOptions): PutResult {
    const old = this.blobs.get(key);
    const sha256 = sha256Of(bytes);
    if (ifExists === "fail" && old !== undefined) {
      if (sha256Of(old.bytes) === sha256) return { outcome: "unchanged", tag: old.info.tag, sha256 };
      throw new FeedctlError("conflict", `${key} exists with other bytes`);
    }
    const tag = `v${++this.#version}`;
    this.blobs.set(key, { bytes, info: { key, size: bytes.length, modified, tag } });
    return { outcome: old === undefined ? "created" : "replaced", tag, sha256 };
  }

  /** Up to `limit` blobs after a key, in order, without markers. */
  list(prefix: string, after: string, limit: number): BlobInfo[] {
    const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
    const isHidden = (key: string) => isMarker(key) || (isProbe(key) && !prefix.startsWith(PROBES));
    const isListed = (key: string) => key.startsWith(prefix) && compare(key, after) > 0 && !isHidden(key);
    return [...this.blobs.keys()]
      .filter(isListed)
      .toSorted(compare)
      .slice(0, limit)
      .map((key) => (this.blobs.get(key) as Blob).info);
  }

  delete(key: Key): void {
    this.blobs.delete(key);
  }
}

export function sha256Of(bytes: Buffer): string {
  return hash("sha256", bytes, "hex");
}

async function* chunksOf(bytes: Buffer, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    throwIfInterrupted(signal);
    yield bytes.subarray(at, at + CHUNK);
  }
}

/** Reads a source to its end. Rejects with `corrupt` when it delivers other bytes than it promised. */
export async function readSource(source: BlobSource, { sha256, signal }: PutOptions): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(readVerified(source, sha256, signal)));
}
