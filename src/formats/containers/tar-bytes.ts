import type { TarEntry } from "../../lib/tar/read.ts";
import { tarEntries } from "./tar.ts";

/** `tarEntries` of an archive that is in memory. */
export function tarEntriesOf(bytes: Buffer): AsyncGenerator<TarEntry, void> {
  return tarEntries(only(bytes));
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
