const EARLIEST = Date.parse("0001-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * A file's time in milliseconds since 1970, moved into the years 1 to 9999. File systems and broken restores leave others,
 * which neither ISO 8601 text, nor PostgreSQL, nor a cloud's metadata can hold.
 */
export function fileTime(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, EARLIEST), LATEST);
}
