// Stores prove that feedctl saved them: secrets go only where an administrator sent them. `secrets rotate` changes the key.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Installation, onEachDatabase } from "../../support/databases.ts";

const SECRET = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYEXAMPLEKEY";
/** A server that refuses connections: status 7 shows that the store was opened. */
const at = ["--endpoint", "http://127.0.0.1:9", "--path-style"];
const digest = "encode(sha256(convert_to(jsonb_build_array(feed_id, type, options, location)::text, 'UTF8')), 'hex')";
const listed = `insert into feedctl.unsealed_stores (store_id, digest) select id, ${digest} from feedctl.stores`;

async function setStore(place: Installation, feed: string, ...options: string[]): Promise<void> {
  await place.run("feed", "create", feed, "--type", "npm");
  await place.run("store", "set", feed, "s3", "--no-check", "--bucket", `bucket-${feed}`, "--region", "r", ...options);
}

const keys = ["--access-key", "env:ID", "--secret-key"];

/** A server that counts requests: none may arrive. */
async function listener() {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.writeHead(403).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

onEachDatabase("sealed stores", (database) => {
  database.testOnServer("a row that another program changed sends no secret anywhere", async (t) => {
    await using place = await database.install({
      ID: "AKIATEST",
      OTHER: "another-secret",
      FEEDCTL_KEY: "0123456789abcdef".repeat(4),
    });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    await using server = await listener();
    await setStore(place, "a", ...at, ...keys, SECRET);
    await setStore(place, "b", ...at, ...keys, SECRET);
    await place.run("feed", "create", "c", "--type", "npm");
    await place.rows("create table saved as select * from feedctl.stores");
    const a = "(select options from saved where feed_id = 1 and role = 'current')";
    const b = "where feed_id = 2 and role = 'current'";
    const options = (more: object) =>
      `'${JSON.stringify({ bucket: "b", region: "r", endpoint: server.url, pathStyle: true, ...more })}'`;
    const changes: { change: string; feed: string; status: number; says: RegExp }[] = [
      {
        change: `options = jsonb_set(options, '{endpoint}', '"${server.url}"') ${b}`,
        feed: "b",
        status: 6,
        says: /prove/,
      },
      {
        change: `options = options || jsonb_build_object('secretKey', ${a}->'secretKey') ${b}`,
        feed: "b",
        status: 6,
        says: /prove/,
      },
      { change: `options = options || '{"accessKey":{"ref":"env:OTHER"}}' ${b}`, feed: "b", status: 6, says: /prove/ },
      {
        change: `options = options || '{"secretKey":{"ref":"file:/etc/hostname"}}' ${b}`,
        feed: "b",
        status: 6,
        says: /prove/,
      },
      { change: `location = jsonb_set(location, '{place}', '"elsewhere"') ${b}`, feed: "b", status: 6, says: /prove/ },
      {
        change: `options = ${a}, location = (select location from saved where feed_id = 1 and role = 'current'), seal = (select seal from saved where feed_id = 1 and role = 'current') ${b}`,
        feed: "b",
        status: 6,
        says: /prove/,
      },
      { change: `seal = null ${b}`, feed: "b", status: 8, says: /not sealed/ },
      {
        change: `type = 's3', options = ${options({ accessKey: { ref: "env:OTHER" }, secretKey: { ref: "env:FEEDCTL_KEY" } })}, location = '{}' where feed_id = 3`,
        feed: "c",
        status: 8,
        says: /not sealed/,
      },
      {
        change: `type = 's3', options = ${options({})}, location = '{}' where feed_id = 3`,
        feed: "c",
        status: 8,
        says: /not sealed/,
      },
      {
        change: `type = 's3', options = '{"bucket":"b","region":"r","profile":"admin"}', location = '{}' where feed_id = 3`,
        feed: "c",
        status: 8,
        says: /not sealed/,
      },
    ];
    for (const { change, feed, status, says } of changes) {
      await place.rows(`update feedctl.stores set ${change}`);
      const { stderr } = await place.exits(status, "store", "test", feed);
      assert.match(stderr, says, change);
      assert.match(stderr, /hint: .*store set/, change);
      await place.rows(
        "update feedctl.stores s set type = o.type, options = o.options, location = o.location, seal = o.seal from saved o where o.id = s.id",
      );
    }
    assert.equal(server.requests(), 0);
    await place.exits(7, "store", "test", "b");
    await place.rows(`update feedctl.stores set seal = null ${b}`);
    await place.run(
      "store",
      "set",
      "b",
      "s3",
      "--no-check",
      "--bucket",
      "bucket-b",
      "--region",
      "r",
      ...at,
      ...keys,
      SECRET,
    );
    await place.exits(7, "store", "test", "b");
  });

  database.testOnServer(
    "a directory needs no key, and a store of the provider's own default credentials neither",
    async (t) => {
      await using place = await database.install();
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      await place.run("feed", "create", "a", "--type", "npm");
      await place.run("store", "set", "a", "disk", "--path", place.path("files"));
      await place.run("store", "test", "a");
      await setStore(place, "b");
      assert.deepEqual(await place.rows("select count(*)::int as count from feedctl.stores where seal is not null"), [
        { count: 0 },
      ]);
      assert.throws(() => readFileSync(place.path("data", "key")), /ENOENT/);
    },
  );

  database.testOnServer("a store from before seals is sealed once, as it was when the schema changed", async (t) => {
    await using place = await database.install({ ID: "AKIATEST" });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    await setStore(place, "a", ...at, ...keys, SECRET);
    await setStore(place, "b", ...at, ...keys, "env:ID");
    await place.rows("update feedctl.stores set seal = null");
    await place.rows(listed);
    await place.rows(
      `update feedctl.stores set options = options || '{"accessKey":{"ref":"env:HOME"}}' where feed_id = 2 and role = 'current'`,
    );
    await place.exits(7, "store", "test", "a");
    await place.exits(8, "store", "test", "b");
    const current = await place.rows(
      "select feed_id, seal is not null as sealed from feedctl.stores where role = 'current' order by feed_id",
    );
    assert.deepEqual(current, [
      { feed_id: 1, sealed: true },
      { feed_id: 2, sealed: false },
    ]);
    // once: without its seal it is not accepted again
    await place.rows("update feedctl.stores set seal = null where feed_id = 1");
    await place.exits(8, "store", "test", "a");
  });

  database.test("secrets rotate seals every store with a new key, and continues after an interruption", async (t) => {
    await using place = await database.install({ ID: "AKIATEST" });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    for (const feed of ["a", "b", "c"]) await setStore(place, feed, ...at, ...keys, SECRET);
    // an earlier store is sealed as well
    await place.run(
      "store",
      "set",
      "c",
      "s3",
      "--no-check",
      "--bucket",
      "other",
      "--region",
      "r",
      ...at,
      ...keys,
      "env:ID",
    );
    writeFileSync(place.path("old-key"), readFileSync(place.path("data", "key")), { mode: 0o600 });
    writeFileSync(place.path("data", "key"), `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
    await place.exits(6, "store", "test", "a");
    await place.exits(3, "secrets", "rotate");
    const from = ["--from", `file:${place.path("old-key")}`];
    const [before] = await place.rows(
      "select options, seal from feedctl.stores where feed_id = 2 and role = 'current'",
    );
    const first = JSON.parse((await place.run("secrets", "rotate", ...from, "--json")).stdout) as unknown;
    assert.deepEqual(first, { sealed: 4, current: 0, failed: [] });
    await place.exits(7, "store", "test", "a");
    // as an interrupted run leaves it: one store has the earlier seal
    await place.rows(
      `update feedctl.stores set options = '${JSON.stringify(before?.["options"])}', seal = '${String(before?.["seal"])}' where feed_id = 2 and role = 'current'`,
    );
    const second = JSON.parse((await place.run("secrets", "rotate", ...from, "--json")).stdout) as unknown;
    assert.deepEqual(second, { sealed: 1, current: 3, failed: [] });
    await place.exits(7, "store", "test", "b");
    const [row] = await place.rows("select seal from feedctl.stores where feed_id = 2 and role = 'current'");
    await place.run("secrets", "rotate");
    const [again] = await place.rows("select seal from feedctl.stores where feed_id = 2 and role = 'current'");
    assert.notDeepEqual(again, row);
    await place.exits(7, "store", "test", "b");
    // one that nobody opens does not stop the others
    await place.rows(
      "update feedctl.stores set options = options || '{\"bucket\":\"moved\"}' where feed_id = 1 and role = 'current'",
    );
    const { stdout, stderr } = await place.exits(3, "secrets", "rotate");
    assert.match(stdout, /sealed 3 stores with the current key, 1 failed/);
    assert.match(stderr, /store #\d+ of feed a: the saved store #\d+ does not prove itself/);
  });
});
