import { tarEntries, type PackageTarEntry } from "./tar.ts";

/** `tarEntries` of an archive that is in memory. */
export function tarEntriesOf(bytes: Buffer): AsyncGenerator<PackageTarEntry, void> {
  return tarEntries(only(bytes));
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
