import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { readLogLine, type LogFormat } from "../../../src/operations/usage/log-formats.ts";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { cpuTime } from "../../support/cpu.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";

const s3 = (operation: string, key: string, status: number, agent = "npm/10") =>
  `79a59df900b949e5 bucket [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F33A59F07 ${operation} ${key} "GET /bucket/${key}?versionId=1 HTTP/1.1" ${status} - 113 113 7 6 "-" "${agent}" - s9lz= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader bucket.s3.us-west-1.amazonaws.com TLSV1.2 - -`;
const combined = (request: string, status: number, agent = "npm/10") =>
  `192.0.2.3 - alice [06/Feb/2026:01:00:38 +0100] "${request}" ${status} 135 "-" "${agent}"`;
const azure = (operation: string, path: string, status: number) =>
  `1.0;2026-02-06T00:00:38.1967767Z;${operation};AnonymousSuccess;${status};17;16;anonymous;;acct;blob;"https://acct.blob.core.windows.net/box/${path}?sv=1";"/acct/box/${path}";61dff5d1;0;192.0.2.3:13;2009-09-19;252;0;265;100;0;;;"0x8D1";Thursday, 19-Jun-14 22:59:23 GMT;;"azsdk/1";;"a;b"`;
const monitor = (fields: object) =>
  JSON.stringify({
    time: "2026-02-06T00:00:38.2Z",
    operationName: "GetBlob",
    statusCode: 200,
    uri: "https://acct.blob.core.windows.net:443/box/a/b-1.0.tgz?sig=x",
    properties: { objectKey: "/acct/box/a/b-1.0.tgz", userAgentHeader: "pip" },
    ...fields,
  });

const lines: {
  name: string;
  line: string;
  format?: LogFormat;
  is: { key: string; whole: boolean } | "other" | "unreadable";
}[] = [
  { name: "S3, a download", line: s3("REST.GET.OBJECT", "a/b-1.0.tgz", 200), is: { key: "a/b-1.0.tgz", whole: true } },
  {
    name: "S3, a key encoded twice",
    line: s3("REST.GET.OBJECT", "%2540acme/t%252Bx", 200),
    is: { key: "@acme/t+x", whole: true },
  },
  { name: "S3, a range", line: s3("REST.GET.OBJECT", "a", 206), is: { key: "a", whole: false } },
  { name: "S3, not found", line: s3("REST.GET.OBJECT", "a", 404), is: "other" },
  { name: "S3, a put", line: s3("REST.PUT.OBJECT", "a", 200), is: "other" },
  { name: "S3, a HEAD", line: s3("REST.HEAD.OBJECT", "a", 200), is: "other" },
  { name: "S3, feedctl's own verification", line: s3("REST.GET.OBJECT", "a", 200, "feedctl"), is: "other" },
  {
    name: "combined, a download with a query",
    line: combined("GET /npm/@acme%2ftool/-/tool-1.0.0.tgz?x=1 HTTP/2.0", 200),
    is: { key: "npm/@acme/tool/-/tool-1.0.0.tgz", whole: true },
  },
  { name: "combined, not modified", line: combined("GET /a HTTP/1.1", 304), is: { key: "a", whole: false } },
  {
    name: "combined, a proxy's absolute address",
    line: combined("GET http://feeds.example/a HTTP/1.1", 200),
    is: { key: "a", whole: true },
  },
  { name: "combined, a POST", line: combined("POST /a HTTP/1.1", 200), is: "other" },
  { name: "combined, feedctl", line: combined("GET /a HTTP/1.1", 200, "feedctl"), is: "other" },
  { name: "combined, nonsense of a scanner", line: combined("\\x16\\x03\\x01", 400), is: "other" },
  {
    name: "common, without agent",
    line: `192.0.2.3 - - [06/Feb/2026:00:00:38 +0000] "GET /a HTTP/1.0" 200 1`,
    is: { key: "a", whole: true },
  },
  { name: "Azure 1.0", line: azure("GetBlob", "a/b-1.0.tgz", 200), is: { key: "a/b-1.0.tgz", whole: true } },
  { name: "Azure 2.0", line: azure("GetBlob", "a%20b", 206).replace("1.0;", "2.0;"), is: { key: "a b", whole: false } },
  { name: "Azure, a put", line: azure("PutBlob", "a", 201), is: "other" },
  { name: "Azure Monitor", line: monitor({}), is: { key: "a/b-1.0.tgz", whole: true } },
  {
    name: "Azure Monitor, a table's row",
    line: JSON.stringify({
      TimeGenerated: "2026-02-06T00:00:38Z",
      OperationName: "GetBlob",
      StatusCode: "200",
      Uri: "https://acct.blob.core.windows.net/box/a",
    }),
    is: { key: "a", whole: true },
  },
  {
    name: "Azure Monitor, feedctl",
    line: monitor({ properties: { userAgentHeader: "feedctl azsdk-js" } }),
    is: "other",
  },
  { name: "half a line", line: s3("REST.GET.OBJECT", "a", 200).slice(0, 90), is: "unreadable" },
  { name: "no time", line: combined("GET /a HTTP/1.1", 200).replace("06/Feb", "99/Feb"), is: "unreadable" },
  { name: "another format than requested", line: s3("REST.GET.OBJECT", "a", 200), format: "azure", is: "unreadable" },
  { name: "JSON cut short", line: monitor({}).slice(0, 40), is: "unreadable" },
];

for (const { name, line, format, is } of lines)
  test(`a log's line: ${name}`, () => {
    const found = readLogLine(line, format ?? "auto");
    if (typeof is === "string") return assert.equal(found, is);
    assert.ok(typeof found === "object");
    assert.ok(found.keys.includes(is.key), found.keys.join(" "));
    assert.equal(found.whole, is.whole);
    assert.equal(found.at.toISOString().slice(0, 19), "2026-02-06T00:00:38");
  });

const get = (version: string, hour: number, status = 200) =>
  `192.0.2.3 - - [06/Feb/2026:${String(hour).padStart(2, "0")}:00:00 +0000] "GET /npm/left/-/left-${version}.tgz HTTP/1.1" ${status} 135 "-" "npm/10"\n`;

async function prepare(place: Installation): Promise<void> {
  mkdirSync(place.path("in"));
  for (const version of ["1.0.0", "1.1.0", "1.2.0"])
    writeFileSync(place.path("in", `${version}.tgz`), npmTarball({ name: "left", version }));
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("import", "web", place.path("in"));
}

async function used(place: Installation) {
  const rows = (await place.run("package", "list", "web", "--json")).json() as {
    version: string;
    downloads: number;
    lastUsedAt: string | null;
  }[];
  return rows.map(
    ({ version, downloads, lastUsedAt }) => `${version} ${downloads} ${lastUsedAt?.slice(11, 16) ?? "never"}`,
  );
}

test("a hostile line takes no more time than another line of its length", () => {
  const started = cpuTime();
  for (const line of [
    "[".repeat(500_000),
    '[a] "'.repeat(100_000),
    `[06/Feb/2026:00:00:38 +0000] "${"\\".repeat(500_000)}`,
  ])
    assert.equal(readLogLine(`1.2.3.4 - ${line}`, "combined"), "unreadable");
  assert.ok(cpuTime() - started < 10_000);
});

onEachDatabase("usage import", (database) => {
  database.test(
    "counts each log once, and only the new lines of one that grew, was renamed or compressed",
    async (_t, place) => {
      await prepare(place);
      const log = place.path("access.log");
      const first =
        get("1.0.0", 3) +
        get("1.0.0", 1) +
        get("1.1.0", 2, 206) +
        get("1.2.0", 2, 404) +
        get("9.9.9", 2) +
        "nonsense\n";
      writeFileSync(log, first);
      const count = async (...files: string[]) => {
        const { events } = await place.run("usage", "import", "web", ...files, "--prefix", "/npm/", "--json");
        return events().at(-1);
      };
      assert.partialDeepStrictEqual(await count(log), { lines: 6, downloads: 2, foreign: 1, unreadable: 1, known: 0 });
      const after = ["1.0.0 2 03:00", "1.1.0 0 02:00", "1.2.0 0 never"];
      assert.deepEqual(await used(place), after);

      assert.partialDeepStrictEqual(await count(log), { lines: 0, downloads: 0, known: 1 });
      appendFileSync(log, get("1.1.0", 5));
      writeFileSync(place.path("access.log.1.gz"), gzipSync(first));
      assert.partialDeepStrictEqual(await count(place.path("access.log.1.gz"), log), {
        lines: 1,
        downloads: 1,
        known: 1,
      });
      // the log was rotated: renamed and compressed, and a new one was started
      writeFileSync(place.path("access.log.1.gz"), gzipSync(first + get("1.1.0", 5)));
      writeFileSync(log, get("1.0.0", 6));
      assert.partialDeepStrictEqual(await count(place.path("access.log.1.gz"), log), {
        lines: 1,
        downloads: 1,
        known: 1,
      });
      assert.deepEqual(await used(place), ["1.0.0 3 06:00", "1.1.0 1 05:00", "1.2.0 0 never"]);
      const missing = await place.exits(3, "usage", "import", "web", place.path("none.log"), log, "--json");
      assert.partialDeepStrictEqual(missing.events(), [
        { status: "failed", reason: "no such file" },
        { status: "known" },
        { failed: 1 },
      ]);
      writeFileSync(place.path("broken.gz"), gzipSync(first).subarray(0, 60));
      await place.exits(3, "usage", "import", "web", place.path("broken.gz"));
      await place.exits(2, "usage", "import", "web", log, "--format", "iis");
    },
  );

  database.testOnServer("hostile log lines do not stop the import or keep a version forever", async (_t, place) => {
    await prepare(place);
    const log = place.path("access.log");
    const odd = (key: string) => get("1.0.0", 1).replace("/left/-/left-1.0.0.tgz", key);
    assert.notEqual(odd("/x"), get("1.0.0", 1));
    const json = `${monitor({ time: "2026-02-06T00:00:00Z", uri: "https://a/box/\ud800", properties: {} })}\n`;
    const ahead = get("1.1.0", 1).replace(/\/20\d\d:/, "/2999:");
    writeFileSync(log, `${odd("/%00")}${odd("/\0")}${odd("/%2500")}${json}${get("1.0.0", 1)}${ahead}`);
    const { events } = await place.run("usage", "import", "web", log, "--prefix", "/npm/", "--json");
    assert.partialDeepStrictEqual(events().at(-1), { lines: 6, downloads: 2, failed: 0 });
    const [row] = await place.rows(
      "select last_used_at > now() as ahead from feedctl.versions where version = '1.1.0'",
    );
    assert.deepEqual(row, { ahead: false });
  });

  database.testOnServer("a line that the server is still writing is counted when it is complete", async (_t, place) => {
    await prepare(place);
    const log = place.path("access.log");
    const [first, second] = [get("1.0.0", 1), get("1.1.0", 2)];
    for (const [text, downloads] of [
      [first + second.slice(0, 60), 1],
      [first + second.slice(0, 80), 0],
      [first + second, 1],
      [first + second + get("1.2.0", 3).trimEnd(), 1],
      [first + second + get("1.2.0", 3), 0],
    ] as const) {
      writeFileSync(log, text);
      const { events } = await place.run("usage", "import", "web", log, "--prefix", "/npm/", "--json");
      assert.partialDeepStrictEqual(events().at(-1), { downloads, unreadable: 0, failed: 0 }, text);
    }
  });

  database.testOnServer(
    "a log that was read with a wrong prefix or format is counted once that is corrected",
    async (_t, place) => {
      await prepare(place);
      const log = place.path("access.log");
      writeFileSync(log, get("1.0.0", 1) + get("1.0.0", 2));
      const wrong = await place.run("usage", "import", "web", log, "--prefix", "/nmp/");
      assert.match(wrong.stderr, /no request matches a file of feed web; check the prefix/);
      await place.run("usage", "import", "web", log, "--prefix", "/npm/", "--format", "s3");
      for (const downloads of [2, 0]) {
        const { events } = await place.run("usage", "import", "web", log, "--prefix", "/npm/", "--json");
        assert.partialDeepStrictEqual(events().at(-1), { downloads });
      }
    },
  );

  database.testOnServer("rules about use then select the versions without downloads", async (_t, place) => {
    await prepare(place);
    await place.rows("update feedctl.versions set published_at = now() - interval '100 days'");
    const today = new Date().toISOString();
    writeFileSync(
      place.path("a.json"),
      `${monitor({ time: today, properties: { objectKey: "/acct/box/left/-/left-1.1.0.tgz" }, uri: "" })}\n`,
    );
    await place.run("retention", "rule", "add", "web", "--keep-used-within-days", "30", "--name", "unused");
    const talk = async () => (await place.run("retention", "run", "web", "--dry-run")).stderr;
    assert.match(
      await talk(),
      /^no downloads of feed web are recorded, and unused depends on them; see: feedctl usage import/,
    );
    await place.run("usage", "import", "web", place.path("a.json"));
    assert.equal(await talk(), "");
    await place.rows("update feedctl.versions set last_used_at = last_used_at - interval '40 days'");
    assert.match(await talk(), /^no downloads of feed web are recorded since 20..-..-../);
    await place.rows("update feedctl.versions set last_used_at = last_used_at + interval '40 days'");
    const plan = (await place.run("retention", "plan", "web", "--json")).json() as {
      delete: { version: string; reason: string }[];
    };
    assert.deepEqual(
      plan.delete.map(({ version }) => version),
      ["1.0.0", "1.2.0"],
    );
    assert.equal(plan.delete[0]?.reason, "never used, published 100 days ago (limit: 30)");
  });
});
