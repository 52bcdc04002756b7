// Files that belong to a version without making one: symbols, provenance files.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { onDatabases } from "../../support/databases.ts";
import { chart, provenance } from "../../support/fixtures/chart.ts";
import { nupkg } from "../../support/fixtures/packages.ts";
import { assertSound, counts, diskFeed, importing, listed, writeFiles } from "../../support/importing.ts";

const it = { id: "Acme", version: "1.0.0" };
const symbols = nupkg({ ...it, symbols: true });

onDatabases("companions of packages", ["PostgreSQL"], (database) => {
  database.test("symbols alone are no version, by import and by adopt", async (_t, place) => {
    const root = await diskFeed(place, "net", "nuget");
    const [file = ""] = writeFiles(place.path("in"), { "Acme.1.0.0.snupkg": symbols });
    for (const more of [["--dry-run"], [], ["--move", "--settle", "0s"]]) {
      const { files, counts: found } = await importing(place, 3, "net", file, ...more);
      assert.deepEqual(found, counts({ failed: 1 }));
      assert.match(files[0]?.reason ?? "", /does not have the package that it belongs to/);
    }
    assert.ok(existsSync(file));
    writeFiles(root, { "a/Acme.1.0.0.snupkg": symbols });
    for (const more of [["--dry-run"], []])
      assert.partialDeepStrictEqual((await place.exits(3, "adopt", "net", "--json", ...more)).summary(), { failed: 1 });
    assert.deepEqual(await listed(place, "net"), []);
    writeFiles(root, { "b/Acme.1.0.0.nupkg": nupkg(it) });
    const both = (await place.run("adopt", "net", "--json")).summary();
    assert.partialDeepStrictEqual(both, { adopted: 2, failed: 0 });
    await assertSound(place, "net", 2);
  });

  database.test("symbols are imported with their package, whichever is found first", async (_t, place) => {
    await diskFeed(place, "net", "nuget");
    writeFiles(place.path("in"), { "a/Acme.1.0.0.snupkg": symbols, "z/Acme.1.0.0.nupkg": nupkg(it) });
    const arrive = (...more: string[]) => importing(place, 0, "net", place.path("in"), "--recursive", ...more);
    assert.deepEqual((await arrive("--dry-run")).counts, counts({ imported: 2 }));
    assert.deepEqual((await arrive()).counts, counts({ imported: 2 }));
    assert.deepEqual((await arrive("--move", "--settle", "0s")).counts, counts({ existing: 2 }));
    assert.ok(!existsSync(place.path("in/a/Acme.1.0.0.snupkg")));
    await assertSound(place, "net", 2);
  });

  database.test("symbols of a package that is refused are refused", async (_t, place) => {
    await diskFeed(place, "net", "nuget");
    const [first = ""] = writeFiles(place.path("old"), { "Acme.1.0.0.nupkg": nupkg({ ...it, files: { a: "other" } }) });
    await importing(place, 0, "net", first);
    writeFiles(place.path("in"), { "Acme.1.0.0.nupkg": nupkg(it), "Acme.1.0.0.snupkg": symbols });
    for (const more of [["--dry-run"], []]) {
      const { files, counts: found } = await importing(place, 3, "net", place.path("in"), ...more);
      assert.deepEqual(found, counts({ conflicts: 2 }));
      assert.match(files[1]?.reason ?? "", /the package that it belongs to was not imported/);
    }
    await assertSound(place, "net", 1);
  });

  database.test("a provenance file without its chart fails", async (_t, place) => {
    await diskFeed(place, "charts", "helm");
    const content = { name: "foo", version: "1.2.3" };
    const [prov = ""] = writeFiles(place.path("in"), { "foo-1.2.3.tgz.prov": provenance(content) });
    assert.deepEqual((await importing(place, 3, "charts", prov)).counts, counts({ failed: 1 }));
    const [tgz = ""] = writeFiles(place.path("in"), { "foo-1.2.3.tgz": chart(content) });
    assert.deepEqual((await importing(place, 0, "charts", prov, tgz)).counts, counts({ imported: 2 }));
  });
});
