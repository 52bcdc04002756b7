/**
 * The byte ranges of archive entries that were read. Two entries that share bytes make a small archive unpack to a huge
 * one, and tools read them differently. Each range costs three numbers of memory.
 */
export interface ReadRanges {
  /** Adds the range of an entry; adding the same entry again is allowed. Returns false when it overlaps another's. */
  add(index: number, start: number, end: number): boolean;
}

export function createReadRanges(): ReadRanges {
  // sorted by start; entries are usually read in the order of their ranges, so that most are appended
  const starts: number[] = [];
  const ends: number[] = [];
  const indexes: number[] = [];
  return {
    add(index, start, end) {
      const at = position(starts, start);
      if (indexes[at] === index && starts[at] === start) return ends[at] === end;
      const before = ends[at - 1];
      const after = starts[at];
      if ((before !== undefined && before > start) || (after !== undefined && after < end)) return false;
      starts.splice(at, 0, start);
      ends.splice(at, 0, end);
      indexes.splice(at, 0, index);
      return true;
    },
  };
}

/** The first position whose start is not before `start`. */
function position(starts: readonly number[], start: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! < start) low = middle + 1;
    else high = middle;
  }
  return low;
}
