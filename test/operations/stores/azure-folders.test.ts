import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { onDatabases } from "../../support/databases.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { uniqueName } from "../../support/shared-servers.ts";

let azurite: Azurite;
before(async () => void (azurite = await startAzurite()));
after(() => azurite.stop());

onDatabases("folders of a hierarchical namespace", ["PostgreSQL"], (database) => {
  database.test("are no files: mirror, adopt, verify, usage and migrate pass them over", async (t) => {
    await using place = await database.install({ TEST_CONNECTION: azurite.connectionString });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    const container = uniqueName("folders");
    const client = await azurite.createContainer(container);
    const put = (name: string, body: string | Buffer) =>
      client.getBlockBlobClient(name).upload(body, Buffer.byteLength(body));
    const folder = async (name: string) =>
      client.getBlockBlobClient(name).upload("", 0, { metadata: { hdi_isfolder: "true" } });
    for (const name of ["web", "web/dir", "web/dir/deep", "npm", "npm/left"]) await folder(name);
    await put("web/dir/deep/new", "new");
    await put("npm/left/left-1.0.0.tgz", npmTarball({ name: "left", version: "1.0.0" }));
    const at = ["azure", "--container", container, "--connection-string", "env:TEST_CONNECTION"];

    for (const name of ["old", "new"]) {
      mkdirSync(place.path("copy", "dir", "deep"), { recursive: true });
      writeFileSync(place.path("copy", "dir", "deep", name), "old");
    }
    const source = [`az://${container}/web`, "--source-connection-string", "env:TEST_CONNECTION"];
    await place.run("mirror", ...source, place.path("copy"), "--yes", "--max-delete", "100%");
    assert.ok(!existsSync(place.path("copy", "dir", "deep", "old")), "a folder of the source hides nothing below it");

    for (const [name, type] of [
      ["web", "asset"],
      ["npm", "npm"],
    ] as const) {
      await place.run("feed", "create", name, "--type", type);
      await place.run("store", "set", name, ...at, "--target-path", name);
      assert.match((await place.run("adopt", name)).stdout, /adopted 1 file/);
      assert.partialDeepStrictEqual((await place.run("verify", name, "--json")).events().at(-1), {
        match: 1,
        foreign: 0,
      });
      assert.partialDeepStrictEqual((await place.run("store", "usage", name, "--json")).json(), { foreign: 0 });
    }
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("moved"));
    await place.run("migrate", "retire", "web", "--yes");
    assert.equal((await place.run("asset", "cat", "web", "dir/deep/new")).stdout, "new");
  });
});
