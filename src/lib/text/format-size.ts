const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Formats a number of bytes: `1.5 MiB`. What would round to 1024 of a unit is 1.0 of the next. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= (unit === 0 ? 1024 : 1023.5) && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
