import assert from "node:assert/strict";
import { onDatabases } from "../../support/databases.ts";
import { chart } from "../../support/fixtures/chart.ts";
import { debPackage } from "../../support/fixtures/deb.ts";
import { gemArchive } from "../../support/fixtures/gem.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";
import { wheel } from "../../support/fixtures/pypi.ts";
import { assertSound, counts, diskFeed, importing, listed, writeFiles } from "../../support/importing.ts";

const id = { name: "widget", version: "1.0.0" };
const types = ["npm", "nuget", "debian", "pypi", "rubygems", "helm"] as const;

function writeMixed(folder: string): void {
  writeFiles(folder, {
    "widget-1.0.0.tgz": npmTarball(id),
    "deep/Widget.1.0.0.nupkg": nupkg({ id: "Widget", version: "1.0.0" }),
    "widget_1.0.0_all.deb": debPackage(id),
    "widget-1.0.0-py3-none-any.whl": wheel(id),
    "widget-1.0.0.gem": gemArchive(id),
    "chart-1.0.0.tgz": chart({ name: "chart", version: "1.0.0" }),
    "renamed.tgz": nupkg({ id: "Renamed", version: "2.0.0" }),
    "junk.tgz": "junk",
    "notes.txt": "nothing",
  });
}

onDatabases("files sorted by their type", ["PostgreSQL"], (database) => {
  database.test("--map sorts a mixed folder into feeds, wrong file extensions included", async (_t, place) => {
    for (const type of types) await diskFeed(place, `my-${type}`, type);
    const map = types.flatMap((type) => ["--map", `${type}=my-${type}`]);
    writeMixed(place.path("in"));
    const arrive = async (code: number, ...more: string[]) =>
      importing(place, code, ...map, "--recursive", ...more, place.path("in"));
    const { files, counts: found } = await arrive(3);
    assert.deepEqual(found, counts({ imported: 7, invalid: 1 }), JSON.stringify(files));
    assert.equal(files.find(({ name }) => name === "Renamed")?.feed, "my-nuget");
    assert.equal(files.find(({ status }) => status === "invalid")?.feed, null);
    for (const type of types) await assertSound(place, `my-${type}`, type === "nuget" ? 2 : 1);
    assert.deepEqual((await arrive(3)).counts, counts({ existing: 7, invalid: 1 }));
    // one recorded run per feed
    const runs = await place.rows("select distinct feed_id from feedctl.runs where command = 'import'");
    assert.equal(runs.length, types.length);
  });

  database.test("--detect skips packages of another type; without it they are invalid", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    writeMixed(place.path("in"));
    const found = (await importing(place, 3, "web", place.path("in"), "--detect")).counts;
    assert.deepEqual(found, counts({ imported: 1, skipped: 5, invalid: 1 }));
    const strict = (await importing(place, 3, "web", place.path("in"))).counts;
    assert.deepEqual(strict, counts({ existing: 1, invalid: 3 }));
  });

  database.test("a file that could be of two types is reported, not guessed", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    await diskFeed(place, "charts", "helm");
    const manifest = { name: "chart/package.json", body: JSON.stringify({ name: "chart", version: "1.0.0" }) };
    const bytes = chart({ name: "chart", version: "1.0.0", files: [manifest] });
    const [both = ""] = writeFiles(place.path("in"), { "chart-1.0.0.tgz": bytes });
    const { files } = await importing(place, 3, "--map", "npm=web", "--map", "helm=charts", both);
    assert.match(files[0]?.reason ?? "", /several types: npm and helm/);
    assert.deepEqual(await listed(place, "web"), []);
  });

  database.test("wrong maps are usage errors", async (_t, place) => {
    for (const name of ["web", "web2"]) await diskFeed(place, name, "npm");
    writeMixed(place.path("in"));
    for (const [map, code, why] of [
      [["nmp=web"], 2, /"nmp=web" is not type=feed/],
      [["npm"], 2, /"npm" is not type=feed/],
      [["npm=web=web2"], 2, /is not type=feed/],
      [["nuget=web"], 2, /feed "web" is of type npm, not nuget/],
      [["npm=web", "npm=web2"], 2, /two feeds for npm packages: "web" and "web2"/],
      [["npm=nowhere"], 4, /feed "nowhere" does not exist/],
    ] as const) {
      const { stderr } = await place.exits(code, "import", ...map.flatMap((each) => ["--map", each]), place.path("in"));
      assert.match(stderr, why);
    }
    assert.deepEqual(await listed(place, "web"), []);
    const same = await importing(place, 3, "--map", "npm=web,npm=WEB", "--", place.path("in"));
    assert.equal(same.counts.imported, 1);
  });
});
