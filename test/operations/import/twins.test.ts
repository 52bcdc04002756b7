// One package in two files: the same identity, although their canonical keys differ.
import assert from "node:assert/strict";
import { onEachDatabase } from "../../support/databases.ts";
import { crate } from "../../support/fixtures/crate.ts";
import { debPackage } from "../../support/fixtures/deb.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { wheel } from "../../support/fixtures/pypi.ts";
import { assertSound, counts, diskFeed, importing, listed, writeFiles } from "../../support/importing.ts";

onEachDatabase("one package under two names", (database) => {
  database.test("in one run the second is compared with the first, like in two runs", async (_t, place) => {
    const it = { name: "hello", version: "1.0-1" };
    const from = (source: string) => debPackage({ ...it, fields: { Source: source } });
    const packages: [type: string, files: Record<string, Buffer>][] = [
      [
        "cargo",
        {
          "serde-json-1.0.0.crate": crate({ name: "serde-json", version: "1.0.0" }),
          "serde_json-1.0.0.crate": crate({ name: "serde_json", version: "1.0.0" }),
        },
      ],
      [
        "pypi",
        {
          "Acme.Widget-1.0-1-py3-none-any.whl": wheel({ name: "Acme.Widget", version: "1.0" }),
          "acme_widget-01-1-py3-none-any.whl": wheel({ name: "acme-widget", version: "01" }),
        },
      ],
      ["debian", { "a.deb": from("one"), "b.deb": from("other") }],
    ];
    for (const [type, files] of packages) {
      await diskFeed(place, type, type);
      const paths = writeFiles(place.path(type), files);
      const both = await importing(place, 3, type, ...paths);
      assert.deepEqual(both.counts, counts({ imported: 1, conflicts: 1 }), JSON.stringify(both.files));
      assert.deepEqual((await importing(place, 3, type, ...paths)).counts, counts({ existing: 1, conflicts: 1 }));
      const replaced = await importing(place, 0, type, paths[1]!, "--overwrite");
      assert.deepEqual(replaced.counts, counts({ imported: 1, overwritten: 1 }));
      assert.equal((await listed(place, type)).length, 1);
      await assertSound(place, type, 1);
    }
  });

  database.test("equal bytes under several names are one package, in one run and in two", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    const bytes = npmTarball({ name: "it", version: "1.0.0" });
    const paths = writeFiles(place.path("in"), { "a.tgz": bytes, "b.tgz": bytes, "c/a.tgz": bytes });
    assert.deepEqual(
      (await importing(place, 0, "web", ...paths, paths[0]!)).counts,
      counts({ imported: 1, existing: 3 }),
    );
    await assertSound(place, "web", 1);
  });
});
