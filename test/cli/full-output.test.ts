import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { someBytes } from "../support/bytes.ts";
import { onDatabases } from "../support/databases.ts";
import { binary, isolation } from "../support/feedctl.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

onDatabases("output and input that do not fit", ["PostgreSQL"], (database) => {
  database.test("output that cannot be written is an error with a message, not a bug", async (t, place) => {
    if (!existsSync("/dev/full")) return t.skip("there is no /dev/full");
    await place.run("feed", "create", "files", "--type", "asset");
    writeFileSync(place.path("big"), someBytes(300_000, 1));
    await place.run("asset", "upload", "files", "big");
    for (const args of [
      ["asset", "list", "files"],
      ["asset", "cat", "files", "big"],
      ["asset", "export", "files", "--format", "zip", "--output", "-"],
      ["asset", "--help"],
    ]) {
      const full = openSync("/dev/full", "w");
      const { status, stderr } = spawnSync(process.execPath, [binary, ...args], {
        cwd: place.directory,
        env: { ...isolation(place.directory), ...place.env },
        stdio: ["ignore", full, "pipe"],
        encoding: "utf8",
      });
      closeSync(full);
      assert.match(stderr, /^error: the output cannot be written: ENOSPC[^\n]*\n$/, args.join(" "));
      assert.equal(status, 7, args.join(" "));
    }
  });

  database.test(
    "standard input that does not fit into the temporary folder is an error, and leaves nothing",
    async (t, place) => {
      using disk = mountSmallDisk(place.path("small"), 4);
      if (disk === undefined) return t.skip("no small disk: a tmpfs cannot be mounted by this user");
      await place.run("feed", "create", "files", "--type", "asset");
      await place.run("feed", "create", "internal", "--type", "npm");
      const input = Buffer.concat([Buffer.from("1f8b", "hex"), someBytes(9_000_000, 2)]);
      for (const args of [
        ["asset", "upload", "files", "-", "--to", "a/b"],
        ["asset", "import-archive", "files", "-"],
        ["import", "internal", "-"],
      ]) {
        const result = await place.feedctl(args, { input, env: { TMPDIR: disk.path } });
        assert.match(result.stderr, /no space is left on the disk\nhint: .*TMPDIR/);
        assert.equal(result.code, 7);
      }
      assert.deepEqual(
        readdirSync(disk.path).filter((name) => name.startsWith("feedctl")),
        [],
      );
    },
  );
});
