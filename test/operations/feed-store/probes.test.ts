import assert from "node:assert/strict";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onDatabases } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";

const OLD = "feedctl-probe/00000000000000aa/probe";
const NEW = "feedctl-probe/00000000000000bb";
const MINUTES = new Map([
  [OLD, 61],
  [NEW, 58],
]);

/** Leaves what two killed processes leave in a store on disk. */
function leaveProbes(store: string): void {
  for (const [name, minutes] of MINUTES) {
    const path = join(store, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "a probe");
    const time = Date.now() / 1000 - minutes * 60;
    utimesSync(path, time, time);
  }
}

onDatabases("probes that killed processes have left", ["PostgreSQL"], (database) => {
  database.test("are not blobs for any command, and are removed after an hour", async (_t, place) => {
    const [store, copy, next] = ["store", "copy", "next"].map((name) => place.path(name)) as [string, string, string];
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("store", "set", "web", "disk", "--path", store);
    await place.run("import", "web", ...writePackages(place.path("in"), 2));
    leaveProbes(store);

    const verified = (await place.run("verify", "web", "--json")).summary();
    assert.partialDeepStrictEqual(verified, { match: 2, missingRow: 0, foreign: 0 });
    const usage = (await place.run("store", "usage", "web", "--json")).json();
    assert.partialDeepStrictEqual(usage, { store: { blobs: 2 }, foreign: 0 });
    const adopted = (await place.run("adopt", "web", "--json")).summary();
    assert.partialDeepStrictEqual(adopted, { adopted: 0, existing: 2, invalid: 0, skipped: 0 });

    leaveProbes(copy);
    await place.run("mirror", store, copy, "--yes");
    assert.deepEqual([existsSync(join(copy, OLD)), existsSync(join(copy, NEW))], [false, true]);
    const again = (await place.run("mirror", store, copy, "--yes", "--json")).summary();
    assert.partialDeepStrictEqual(again, { copied: 0, deleted: 0 });

    leaveProbes(next);
    const removers = [
      ["verify", "web", "--repair"],
      ["store", "test", "web"],
      ["migrate", "run", "web", "--to", "disk", "--path", next],
    ];
    for (const args of removers) {
      const where = args[0] === "migrate" ? next : store;
      leaveProbes(where);
      await place.run(...args);
      const left = [existsSync(join(where, OLD)), existsSync(join(where, NEW))];
      assert.deepEqual(left, [false, true], args.join(" "));
    }
  });
});
