/**
 * The parts of a disk's tag: the file (time, size, inode), and the time of its last change of any kind, which no program can
 * set. Earlier versions recorded the first part only.
 */
const DISK_TAG = /^(-?[\d.e+-]+-\d+-\d+)(@-?[\d.e+-]+)?$/;

const fileOf = (tag: string) => DISK_TAG.exec(tag)?.[1] ?? tag;

type Tag = string | null | undefined;

/**
 * Whether nothing about the blob has changed since the tag was recorded. A tag of an earlier version is compared by what it
 * has. False does not mean that the bytes changed: on a disk a new mode or a second link is a change, too.
 */
export function sameTag(recorded: Tag, now: Tag): boolean {
  if (recorded === now) return true;
  if (typeof recorded !== "string" || typeof now !== "string") return false;
  return DISK_TAG.exec(recorded)?.[2] === undefined && recorded === fileOf(now);
}

/** Whether it is the same blob by all that a program can set. On a disk its mode and its links may have changed. */
export function sameBlob(one: Tag, other: Tag): boolean {
  if (one === other) return true;
  return typeof one === "string" && typeof other === "string" && fileOf(one) === fileOf(other);
}
