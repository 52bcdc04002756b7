// The note about an upload that broke off, by which the next put of the same blob finds what is there already.
import { hash } from "node:crypto";
import type { Key } from "../key.ts";
import type { ObjectRequest, S3Connection } from "./client.ts";
import { s3Status } from "./errors.ts";
import { partSizeFor } from "./parts.ts";
import { isStale, mayPass } from "./send.ts";
import { endUpload, storedParts, type StoredPart } from "./unfinished.ts";
import { isFeedctlError } from "../../errors.ts";
import type { UploadNotes } from "../store.ts";

interface Note {
  uploadId: string;
  partSize: number;
  /** Of all that the upload was begun with: another blob, or one described otherwise, begins anew. */
  fingerprint: string;
}

export interface TakenUp {
  uploadId: string;
  stored: ReadonlyMap<number, StoredPart>;
}

/** The upload that is to be gone on with. One of another request is ended. */
export async function takeUp(
  { client }: S3Connection,
  notes: UploadNotes,
  key: Key,
  request: ObjectRequest,
  size: number,
  signal: AbortSignal | undefined,
): Promise<TakenUp | undefined> {
  const note = parseNote(await notes.load(key));
  if (note === undefined) return undefined;
  const { Bucket, Key } = request;
  const target = { Bucket, Key, UploadId: note.uploadId };
  if (note.fingerprint === fingerprintOf(request, size) && note.partSize === partSizeFor(size)) {
    const stored = await storedParts(client, target, signal);
    if (stored !== undefined) return { uploadId: note.uploadId, stored };
  }
  await endUpload(client, target).catch((error: unknown) => {
    // Who may not end it leaves it to `sweep`, or to a rule of the bucket.
    if (mayPass(error)) throw error;
  });
  await notes.drop(key);
  return undefined;
}

/** Ends the upload that the note tells of, now that nobody will go on with it. What cannot be ended is `sweep`'s. */
export async function forget(
  { client, bucket, prefix }: S3Connection,
  notes: UploadNotes | undefined,
  key: Key,
): Promise<void> {
  const text = await notes?.load(key);
  if (notes === undefined || text === undefined) return;
  const note = parseNote(text);
  if (note !== undefined)
    await endUpload(client, { Bucket: bucket, Key: prefix + key, UploadId: note.uploadId }).catch(() => {});
  await notes.drop(key);
}

export function noteOf(uploadId: string, request: ObjectRequest, size: number): string {
  const note: Note = { uploadId, partSize: partSizeFor(size), fingerprint: fingerprintOf(request, size) };
  return JSON.stringify(note);
}

/** Whether a put that failed so may be gone on with. Wrong bytes may not, nor what the server will refuse again. */
export function isWorthKeeping(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted) return true;
  if (isFeedctlError(error)) return error.code !== "corrupt";
  const status = s3Status(error);
  return status === undefined || status >= 500 || status === 401 || status === 403 || mayPass(error) || isStale(error);
}

/** The request holds the blob's sha256 among its metadata. */
function fingerprintOf({ Metadata, ...headers }: ObjectRequest, size: number): string {
  const sorted = [headers, Metadata].map((entries) => Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  return hash("sha256", JSON.stringify([sorted, size]));
}

function parseNote(text: string | undefined): Note | undefined {
  if (text === undefined) return undefined;
  try {
    const { uploadId, partSize, fingerprint } = (JSON.parse(text) ?? {}) as Partial<Note>;
    if (typeof uploadId !== "string" || uploadId === "" || typeof fingerprint !== "string") return undefined;
    return typeof partSize === "number" ? { uploadId, partSize, fingerprint } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
