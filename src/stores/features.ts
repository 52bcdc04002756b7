/** What callers must know about a store before they use it. */
export interface StoreFeatures {
  /** `list` yields strictly increasing keys in UTF-8 byte order; an adapter may know only after a listing's first blob. */
  readonly sortedList: boolean;
  /** `put` with `ifExists: "fail"` cannot lose a race against another writer. Without it, callers must hold a lock. */
  readonly atomicCreate: boolean;
  /**
   * `list` returns everything that `head` does. Without it only `head` and `get` return the content type, the sha256,
   * the metadata and the time that was passed to `put`; the time in a listing is that of the upload.
   */
  readonly listsAll: boolean;
  /** Content type, cache-control, sha256 and user metadata are stored with the blob, not only its bytes and time. */
  readonly metadata: boolean;
}
