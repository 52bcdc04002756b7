import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../support/bytes.ts";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { holdLock } from "../../support/hold-lock.ts";
import { until } from "../../support/wait.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";

async function prepare(place: Installation): Promise<Map<string, Buffer>> {
  const made = new Map<string, Buffer>();
  mkdirSync(place.path("in"));
  for (const version of ["1.2.0", "1.10.0", "2.0.0-beta.2", "2.0.0-beta.11"]) {
    made.set(version, npmTarball({ name: "@acme/tool", version, manifest: { description: `the tool ${version}` } }));
    writeFileSync(place.path("in", `tool-${version}.tgz`), made.get(version)!);
  }
  writeFileSync(place.path("in", "tool-plain.tgz"), npmTarball({ name: "tool", version: "1.0.0" }));
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("store"));
  await place.run("import", "web", place.path("in"));
  return made;
}

onEachDatabase("package", (database) => {
  database.testOnServer(
    "list is in version order; show finds a version or a package, or names the versions that exist",
    async (_t, place) => {
      await prepare(place);
      const listed = (await place.run("package", "list", "web", "--json")).json() as {
        group: string;
        name: string;
        version: string;
      }[];
      assert.deepEqual(
        listed.map(({ group, name, version }) => `${group}/${name}@${version}`),
        ["/tool@1.0.0", "acme/tool@1.2.0", "acme/tool@1.10.0", "acme/tool@2.0.0-beta.2", "acme/tool@2.0.0-beta.11"],
      );
      for (const spec of ["@acme/tool@1.10.0", "acme/tool@1.10.0"]) {
        const shown = (await place.run("package", "show", "web", spec, "--json")).json();
        assert.partialDeepStrictEqual(shown, [{ version: "1.10.0", metadata: { description: "the tool 1.10.0" } }]);
      }
      assert.match(
        (await place.exits(4, "package", "show", "web", "@acme/tool@3.0.0")).stderr,
        /it has 1\.2\.0, 1\.10\.0/,
      );
      await place.exits(4, "package", "show", "web", "@acme/nothing");
      await place.exits(2, "package", "show", "web", "tool@");
      await place.exits(4, "package", "list", "wep");
    },
  );

  database.testOnServer(
    "download saves the newest release or a version, or pipes it; never a damaged file, never overwriting",
    async (_t, place) => {
      const made = await prepare(place);
      const saved = (await place.run("package", "download", "web", "@acme/tool", "--json")).json() as {
        file: string;
        sha256: string;
      };
      assert.equal(saved.sha256, sha256(made.get("1.10.0")!));
      assert.deepEqual(readFileSync(saved.file), made.get("1.10.0"));
      await place.exits(5, "package", "download", "web", "@acme/tool");
      await place.run("package", "download", "web", "@acme/tool", "--overwrite");
      await place.run("package", "download", "web", "@acme/tool@2.0.0-beta.2", "-o", place.path("it.tgz"));
      assert.deepEqual(readFileSync(place.path("it.tgz")), made.get("2.0.0-beta.2"));
      assert.ok((await place.run("package", "download", "web", "@acme/tool@1.2.0", "-o", "-")).stdout.length > 0);
      await place.exits(4, "package", "download", "web", "@acme/tool@1.2.0", "-o", place.path("no", "where.tgz"));

      const [version] = (await place.run("package", "show", "web", "@acme/tool@1.2.0", "--json")).json() as {
        files: { key: string }[];
      }[];
      const blob = join(place.path("store"), version!.files[0]!.key);
      writeFileSync(blob, Buffer.from(made.get("1.2.0")!).fill(0, 40, 60));
      const damaged = await place.exits(
        3,
        "package",
        "download",
        "web",
        "@acme/tool@1.2.0",
        "-o",
        place.path("bad.tgz"),
      );
      assert.match(damaged.stderr, /is damaged in the store/);
      assert.equal(existsSync(place.path("bad.tgz")), false);
    },
  );

  database.test("delete removes one version or all, rows and blobs, only after confirmation", async (_t, place) => {
    await prepare(place);
    await place.exits(2, "package", "delete", "web", "@acme/tool", "--yes");
    await place.exits(8, "package", "delete", "web", "@acme/tool@1.2.0");
    assert.match(
      (await place.run("package", "delete", "web", "@acme/tool", "--all-versions", "--dry-run")).stdout,
      /would delete 4 versions/,
    );
    assert.match(
      (await place.run("package", "delete", "web", "tool", "--all-versions", "--dry-run")).stdout,
      /would delete tool 1\.0\.0/,
      "a name without a scope does not match a package with one",
    );
    await place.run("package", "delete", "web", "@acme/tool@1.2.0", "--yes");
    await place.exits(4, "package", "delete", "web", "@acme/tool@1.2.0", "--yes");
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), {
      match: 4,
      missingRow: 0,
      missingBlob: 0,
    });
    await place.run("package", "delete", "web", "@acme/tool", "--all-versions", "--yes");
    const left = (await place.run("package", "list", "web", "--json")).json() as { name: string; group: string }[];
    assert.deepEqual(
      left.map(({ group, name }) => group + name),
      ["tool"],
    );
    assert.partialDeepStrictEqual((await place.run("verify", "web", "--json")).summary(), {
      match: 1,
      missingRow: 0,
      missingBlob: 0,
    });
    assert.deepEqual(await place.rows("select name from feedctl.packages"), [{ name: "tool" }]);
  });

  database.testOnServer("two deletions of one version at once report one", async (_t, place) => {
    await prepare(place);
    const remove = () => place.any("package", "delete", "web", "acme/tool@1.2.0", "--yes", "--json");
    const running = [];
    {
      // both have found the version when they may go on
      await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "write", id: 1 });
      running.push(remove(), remove());
      await until("both wait", async () => {
        const waiting = "select from feedctl.runs where command = 'package delete' and state = 'running'";
        return (await place.rows(waiting)).length === 2;
      });
    }
    const codes = (await Promise.all(running)).map(({ code }) => code);
    assert.deepEqual(new Set(codes), new Set([0, 4]));
    assert.equal((await place.rows("select from feedctl.audit_events where action = 'deleted'")).length, 1);
    await place.run("verify", "web");
  });
});
