import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { checkTranscript } from "../support/transcript.ts";

const folder = join(import.meta.dirname, "transcripts");
const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));

suite("transcripts", { concurrency: 2 }, () => {
  for (const name of names) test(name, () => checkTranscript(join(folder, name)));
  if (names.length === 0) test("transcripts", { skip: "there are no transcripts yet" });
});
