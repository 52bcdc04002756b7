import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { checkTranscript } from "../support/transcript.ts";

const folder = join(import.meta.dirname, "transcripts");
const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));

/** Transcripts about start-up, configuration and usage: each command runs in a process of its own. */
const processes = new Set(["configuration.txt", "usage.txt"]);

suite("transcripts", () => {
  let postgres: TestPostgres | undefined;
  before(async () => void (postgres = await startPostgres()));
  after(() => postgres?.stop());
  for (const name of names)
    test(name, () =>
      checkTranscript(join(folder, name), {
        createCatalog: postgres?.createCatalog,
        processes: processes.has(name),
      }),
    );
  if (names.length === 0) test("transcripts", { skip: "there are no transcripts yet" });
});
