/** Compares the bytes of a whole blob with a hash that its provider knows. */
export interface HashCheck {
  update(chunk: Uint8Array): void;
  /** Throws `corrupt` if other bytes arrived. */
  end(): void;
}
