/** Compressed data that the decoders here cannot unpack, though it may be whole: it needs a filter or more memory. */
export class CannotUnpackError extends Error {}
