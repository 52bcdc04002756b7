// Uploads that were begun and never completed: parts, staged blocks, temporary files. No listing of blobs has them, but
// they take space and are billed.

export interface UnfinishedUpload {
  /** The name of its blob below the target path, which need not be a key. On a disk: of the temporary file. */
  name: string;
  /** The provider's id of the upload, where one blob may have several. */
  id?: string | undefined;
  /** When it began, by the provider's clock; on a disk, when the file was last written. Undefined: not reported. */
  since?: Date | undefined;
  /** Size of what is stored of it. Undefined: not asked, or not known. */
  bytes?: number | undefined;
  /** Whether feedctl began it, where its form shows that. Undefined: every program's uploads look alike. */
  isOurs?: boolean | undefined;
}

interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface ListUnfinishedOptions extends CallOptions {
  /** Also ask for `bytes`, by a request for each upload. */
  sizes?: boolean | undefined;
}

export interface UnfinishedUploads {
  /** Whether the provider discards them itself after some days, so that no run has to. */
  readonly expire: boolean;
  /** Those below the store's target path. */
  list(options?: ListUnfinishedOptions): AsyncIterable<UnfinishedUpload>;
  /** Idempotent. Never touches a blob. The writer of an upload that is still at work fails. */
  discard(upload: UnfinishedUpload, options?: CallOptions): Promise<void>;
}

/**
 * Discards the unfinished uploads that are older than `before`, which crashed writers have left, except where the
 * provider does so itself. Returns how many.
 */
export async function sweepUnfinished(
  { unfinished }: { unfinished?: UnfinishedUploads | undefined },
  before: Date,
  options: CallOptions = {},
): Promise<number> {
  if (unfinished === undefined || unfinished.expire) return 0;
  let count = 0;
  for await (const upload of unfinished.list(options)) {
    if (upload.since === undefined || upload.since >= before) continue;
    await unfinished.discard(upload, options);
    count++;
  }
  return count;
}
