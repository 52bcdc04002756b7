// The note about an interrupted multipart upload, with which the next put of the same blob finds the stored parts.
import { hash } from "node:crypto";
import type { Key } from "../../lib/key.ts";
import type { ObjectRequest, S3Connection } from "./client.ts";
import { s3Status } from "./errors/translate.ts";
import { partSizeFor } from "./parts.ts";
import { isStale, mayPass } from "./send.ts";
import { endUpload, storedParts, type StoredPart } from "./unfinished.ts";
import { isFeedctlError } from "../../errors.ts";
import type { UploadNotes } from "../store.ts";

interface Note {
  uploadId: string;
  partSize: number;
  /** Hash of the parameters and size of the upload. It is resumed only for the same blob with the same description. */
  fingerprint: string;
}

export interface ResumableUpload {
  uploadId: string;
  stored: ReadonlyMap<number, StoredPart>;
}

/**
 * The interrupted upload of the same request. Undefined: there is none; a noted upload of another request is aborted.
 */
export async function findResumable(
  { client }: S3Connection,
  notes: UploadNotes,
  key: Key,
  request: ObjectRequest,
  size: number,
  signal: AbortSignal | undefined,
): Promise<ResumableUpload | undefined> {
  const note = parseNote(await notes.load(key));
  if (note === undefined) return undefined;
  const { Bucket, Key } = request;
  const target = { Bucket, Key, UploadId: note.uploadId };
  if (note.fingerprint === fingerprintOf(request, size) && note.partSize === partSizeFor(size)) {
    const stored = await storedParts(client, target, signal);
    if (stored !== undefined) return { uploadId: note.uploadId, stored };
  }
  await endUpload(client, target, signal).catch((error: unknown) => {
    // Without permission to abort it, the upload is left to `sweep` or a lifecycle rule.
    if (signal?.aborted === true || mayPass(error)) throw error;
  });
  await notes.drop(key);
  return undefined;
}

/** Aborts the noted upload and deletes the note. An upload that cannot be aborted is left to `sweep`. */
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

/** Whether an upload is kept for a later put after this error. Not after wrong bytes or a refusal that will repeat. */
export function isWorthKeeping(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted) return true;
  if (isFeedctlError(error)) return error.code !== "corrupt";
  const status = s3Status(error);
  return status === undefined || status >= 500 || status === 401 || status === 403 || mayPass(error) || isStale(error);
}

/** Identifies the blob as well: the request's metadata contain its sha256. */
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
