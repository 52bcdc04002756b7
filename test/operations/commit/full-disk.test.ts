import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { onDatabases } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";

onDatabases("a full disk", ["PostgreSQL"], (database) => {
  database.test(
    "import fails with status 7, leaves no partial blob, and completes once there is space",
    async (t, place) => {
      const disk = place.path("disk");
      mkdirSync(disk);
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=600k", "tmpfs", disk]).status !== 0)
        return t.skip("no small disk: a tmpfs cannot be mounted by this user");
      try {
        // Neither size divides the disk: the last blob that fits is followed by one that fits in part.
        const packages = writePackages(place.path("in"), 30, { size: 50_000 });
        await place.run("feed", "create", "web", "--type", "npm");
        await place.run("store", "set", "web", "disk", "--path", `${disk}/store`);
        const full = await place.feedctl(["import", "web", ...packages]);
        assert.equal(full.code, 7, full.stdout + full.stderr);
        assert.match(full.stderr, /error: cannot write .*: no space is left on the disk\nhint: free space/);
        const state = async () =>
          (await place.any("verify", "web", "--read", "--json")).summary() as Record<string, number>;
        const during = await state();
        assert.ok(during["match"]! > 0 && during["match"]! < 30);
        assert.partialDeepStrictEqual(during, { differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0 });
        const bigger = spawnSync("mount", ["-o", "remount,size=10m", disk]);
        assert.equal(bigger.status, 0, String(bigger.stderr));
        const again = (await place.run("import", "web", ...packages, "--json")).events().at(-1);
        assert.partialDeepStrictEqual(again, {
          imported: 30 - during["match"]!,
          existing: during["match"]!,
          failed: 0,
        });
        assert.partialDeepStrictEqual(await state(), {
          match: 30,
          differ: 0,
          missingBlob: 0,
          missingRow: 0,
          unchecked: 0,
        });
      } finally {
        spawnSync("umount", [disk]);
        rmSync(disk, { recursive: true, force: true });
      }
    },
  );
});
