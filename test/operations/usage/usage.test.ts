import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createLogReader } from "../../../src/operations/usage/formats/log-reader.ts";
import type { LogFormat } from "../../../src/operations/usage/formats/names.ts";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { cpuTime } from "../../support/cpu.ts";
import { bzip2 } from "../../support/fixtures/bzip2.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { isolation } from "../../support/feedctl.ts";
import { runHere } from "../../support/in-process.ts";

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

const iisFields =
  "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";
const caddy = (members: object) =>
  JSON.stringify({
    level: "info",
    ts: 1770336038.25,
    logger: "http.log.access",
    msg: "handled request",
    request: { remote_ip: "192.0.2.3", method: "GET", uri: "/npm/a?x", headers: { "User-Agent": ["npm/10"] } },
    status: 200,
    ...members,
  });

const gcsFields = '"time_micros","c_ip","cs_method","cs_uri","sc_status","cs_user_agent","cs_operation","cs_object"';
const gcs = (operation: string, uri: string, agent = "gsutil") =>
  `"1770336038000000","192.0.2.3","GET","${uri}","200","${agent}","${operation}","a ""b"".tgz"`;

const lines: {
  name: string;
  line: string;
  format?: LogFormat;
  /** Lines that precede it in the log. */
  after?: string[];
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
  {
    name: "combined, with a virtual host",
    line: `feeds.example:443 ${combined("GET /a HTTP/1.1", 200)}`,
    is: { key: "a", whole: true },
  },
  {
    name: "combined, a user's name with blanks",
    line: combined("GET /a HTTP/1.1", 200).replace("alice", "CN=build agent [7]"),
    is: { key: "a", whole: true },
  },
  {
    name: "combined, the addresses of proxies",
    line: `192.0.2.9, 10.0.0.1, ${combined("GET /a HTTP/1.1", 200)}`,
    is: { key: "a", whole: true },
  },
  {
    name: "Azure, a name with &",
    line: azure("GetBlob", "R&amp;D&#39;s.pdf", 200),
    is: { key: "R&D's.pdf", whole: true },
  },
  {
    name: "IIS",
    after: [iisFields],
    line: "2026-02-06 00:00:38 10.0.0.5 GET /npm/a+b.tgz x=1 443 - 192.0.2.3 npm/10+(linux) - 200 0 0 31",
    is: { key: "npm/a b.tgz", whole: true },
  },
  {
    name: "IIS, feedctl",
    after: [iisFields],
    line: "2026-02-06 00:00:38 10.0.0.5 GET /a - 443 - 192.0.2.3 feedctl/1.0 - 200 0 0 31",
    is: "other",
  },
  {
    name: "IIS, a HEAD",
    after: [iisFields],
    line: "2026-02-06 00:00:38 10.0.0.5 HEAD /a - 443 - 192.0.2.3 npm - 200 0 0 31",
    is: "other",
  },
  {
    name: "IIS, a line cut short",
    after: [iisFields],
    line: "2026-02-06 00:00:38 10.0.0.5 GET /a -",
    is: "unreadable",
  },
  { name: "W3C without its fields", line: "2026-02-06 00:00:38 GET /a 200", is: "unreadable" },
  {
    name: "W3C, fields that change, and the date in a directive",
    after: [iisFields, "#Date: 2026-02-06 00:00:01", "#Fields: time cs-method cs-uri sc-status"],
    line: "00:00:38 GET https://feeds.example/a?x=1 206",
    is: { key: "a", whole: false },
  },
  {
    name: "CloudFront",
    after: [
      "#Version: 1.0",
      "#Fields: date time x-edge-location cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent)",
    ],
    line: "2026-02-06\t00:00:38\tFRA56-P1\tGET\td1.cloudfront.net\t/%2540acme/t\t200\tnpm/10%20x",
    is: { key: "@acme/t", whole: true },
  },
  {
    name: "CloudFront, JSON",
    line: '{"date":"2026-02-06","time":"00:00:38","cs-method":"GET","cs-uri-stem":"/a","sc-status":"200","cs(User-Agent)":"npm"}',
    is: { key: "a", whole: true },
  },
  { name: "Caddy", line: caddy({}), is: { key: "npm/a", whole: true } },
  { name: "Caddy, milliseconds", line: caddy({ ts: 1770336038123 }), is: { key: "npm/a", whole: true } },
  { name: "Caddy, a time as text", line: caddy({ ts: "2026/02/06 00:00:38.2" }), is: { key: "npm/a", whole: true } },
  { name: "Caddy, not modified", line: caddy({ status: 304 }), is: { key: "npm/a", whole: false } },
  {
    name: "Caddy, feedctl",
    line: caddy({ request: { method: "GET", uri: "/a", headers: { "User-Agent": ["feedctl/1.0"] } } }),
    is: "other",
  },
  {
    name: "Caddy, about certificates",
    line: '{"level":"info","ts":1770336038.2,"logger":"tls","msg":"cleaning storage unit"}',
    is: "other",
  },
  {
    name: "nginx JSON, the request's line",
    line: '{"time_local":"06/Feb/2026:01:00:38 +0100","remote_addr":"192.0.2.3","request":"GET /a?x HTTP/1.1","status":"200"}',
    is: { key: "a", whole: true },
  },
  {
    name: "nginx JSON, in an inner object",
    line: '{"@timestamp":"2026-02-06T00:00:38+00:00","@nginx_fields":{"request_method":"GET","uri":"/index","request_uri":"/a%20b","status":200}}',
    is: { key: "a b", whole: true },
  },
  {
    name: "nginx JSON, nonsense of a scanner",
    line: '{"msec":"1770336038.123","request":"\\u0016\\u0003","status":"400"}',
    is: "other",
  },
  { name: "JSON of something else", line: '{"time":"2026-02-06T00:00:38Z","event":"started"}', is: "unreadable" },
  {
    name: "nginx, bytes that the client did not encode",
    line: combined(String.raw`GET /\xD0\xB1\x22\x5Cx HTTP/1.1`, 200),
    is: { key: 'б"\\x', whole: true },
  },
  {
    name: "Apache, bytes that the client did not encode",
    line: combined(String.raw`GET /\xd0\xb1\"\\x41 HTTP/1.1`, 200),
    is: { key: 'б"\\x41', whole: true },
  },
  {
    name: "nginx JSON without escape=json",
    line: String.raw`{"time_iso8601":"2026-02-06T00:00:38+00:00","request":"GET /\xD0\xB1 HTTP/1.1","status":"200","http_user_agent":"\x22"}`,
    is: { key: "б", whole: true },
  },
  {
    name: "combined, no response",
    line: combined("GET /a HTTP/1.1", 200).replace(" 200 ", " - "),
    is: "other",
  },
  {
    name: "IIS, a name with ? and #",
    after: [iisFields],
    line: "2026-02-06 00:00:38 10.0.0.5 GET /a?b#c v=1 443 - 192.0.2.3 npm - 200 0 0 31",
    is: { key: "a?b#c", whole: true },
  },
  {
    name: "W3C, a status whose rest is not written yet",
    after: ["#Fields: date time cs-method cs-uri-stem sc-status"],
    line: "2026-02-06 00:00:38 GET /a 20",
    is: "unreadable",
  },
  {
    name: "Google, a download",
    after: [gcsFields],
    line: gcs("GET_Object", "/box/a%20%22b%22.tgz"),
    is: { key: 'a "b".tgz', whole: true },
  },
  {
    name: "Google, a download with the JSON API",
    after: [gcsFields],
    line: gcs("storage.objects.get", "/download/storage/v1/b/box/o/x?alt=media"),
    is: { key: 'a "b".tgz', whole: true },
  },
  {
    name: "Google, properties of an object",
    after: [gcsFields],
    line: gcs("storage.objects.get", "/storage/v1/b/box/o/x?fields=size"),
    is: "other",
  },
  { name: "Google, feedctl", after: [gcsFields], line: gcs("GET_Object", "/box/a", "feedctl"), is: "other" },
  { name: "Google, without its fields", line: gcs("GET_Object", "/box/a"), is: "unreadable" },
  {
    name: "Google, a load balancer",
    line: '{"httpRequest":{"requestMethod":"GET","requestUrl":"https://feeds.example/a","status":200},"timestamp":"2026-02-06T00:00:38.1Z"}',
    is: { key: "a", whole: true },
  },
  {
    name: "Traefik",
    line: '{"DownstreamStatus":200,"RequestMethod":"GET","RequestPath":"/a?x","time":"2026-02-06T00:00:38Z"}',
    is: { key: "a", whole: true },
  },
  { name: "half a line", line: s3("REST.GET.OBJECT", "a", 200).slice(0, 90), is: "unreadable" },
  { name: "no time", line: combined("GET /a HTTP/1.1", 200).replace("06/Feb", "99/Feb"), is: "unreadable" },
  { name: "another format than requested", line: s3("REST.GET.OBJECT", "a", 200), format: "azure", is: "unreadable" },
  { name: "JSON cut short", line: monitor({}).slice(0, 40), is: "unreadable" },
];

/** What `usage import` makes of the last of these lines. */
function readLast(log: readonly string[], format: LogFormat | "auto" = "auto") {
  const reader = createLogReader(format);
  for (const directive of log.slice(0, -1)) reader.directive(directive);
  return reader.read(log.at(-1) ?? "");
}

for (const { name, line, format, after = [], is } of lines)
  test(`a log's line: ${name}`, () => {
    const found = readLast([...after, line], format);
    if (is === "unreadable") return assert.equal(found, undefined);
    assert.ok(found !== undefined);
    assert.equal(found.at.toISOString().slice(0, 19), "2026-02-06T00:00:38");
    if (is === "other") return assert.deepEqual(found.keys, []);
    assert.ok(found.keys.includes(is.key), found.keys.join(" "));
    assert.equal(found.whole, is.whole);
  });

for (const [name, line] of [
  ["combined", combined("GET /a HTTP/1.1", 200)],
  ["S3", s3("REST.GET.OBJECT", "a", 200)],
  ["Azure Monitor", monitor({ time: "2026-02-06T00:00:38Z" })],
] as const)
  test(`a leap second is a time: ${name}`, () => {
    assert.equal(
      readLast([line.replace("00:38", "00:60")])
        ?.at.toISOString()
        .slice(0, 19),
      "2026-02-06T00:00:59",
    );
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
    assert.equal(readLast([iisFields, `1.2.3.4 - ${line}`]), undefined);
  assert.ok(cpuTime() - started < 10_000);
});

/** Runs retention as a person does who is asked on a terminal, and says yes. */
async function retainOnTerminal(place: Installation) {
  const stdin = Object.assign(Readable.from(["y\n"]), { isTTY: true });
  return runHere(["retention", "run", "web"], {
    cwd: place.directory,
    env: { ...isolation(place.directory), ...place.env },
    stdin,
  });
}

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
        const { events } = await place.run(
          "usage",
          "import",
          "web",
          ...files,
          "--prefix",
          "/npm/",
          "--json",
          "--max-unreadable=20%",
        );
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
      const [older, newer] = [first, get("1.1.0", 5)].map((text) => Buffer.from(text)) as [Buffer, Buffer];
      writeFileSync(place.path("access.log.zst"), Buffer.concat([zstdCompressSync(older), zstdCompressSync(newer)]));
      writeFileSync(place.path("access.log.bz2"), Buffer.concat([bzip2(older), bzip2(newer)]));
      assert.partialDeepStrictEqual(await count(place.path("access.log.zst"), place.path("access.log.bz2")), {
        known: 2,
      });
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
      writeFileSync(place.path("broken.zst"), zstdCompressSync(first).subarray(0, 60));
      await place.exits(3, "usage", "import", "web", place.path("broken.zst"));
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
      [first.slice(0, first.indexOf("35 ")), 1],
      [first + second.slice(0, 60), 0],
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
      const foreign = await place.exits(3, "usage", "import", "web", log, "--prefix", "/npm/", "--format", "s3");
      assert.match(foreign.stdout, /^REJECTED .*access.log: 2 of 2 lines not understood$/m);
      for (const downloads of [2, 0]) {
        const { events } = await place.run("usage", "import", "web", log, "--prefix", "/npm/", "--json");
        assert.partialDeepStrictEqual(events().at(-1), { downloads });
      }
    },
  );

  database.testOnServer("a log of which too much is not understood is not counted", async (_t, place) => {
    await prepare(place);
    await place.rows("update feedctl.versions set published_at = '2020-01-01'");
    await place.run("retention", "rule", "add", "web", "--keep-used-within-days", "90");
    const log = place.path("access.log");
    const count = (code: number, ...options: string[]) =>
      place.exits(code, "usage", "import", "web", log, "--prefix", "/npm/", ...options);
    writeFileSync(log, `${get("1.0.0", 1)}\nNovember 6 GET /npm/left?sig=abcdefgh\n${get("1.1.0", 2)}`);
    const rejected = await count(3);
    assert.match(rejected.stdout, /REJECTED  .*access.log: 1 of 3 lines not understood\n {10}line 3: November 6 GET/);
    assert.doesNotMatch(rejected.stdout, /abcdefgh/);
    assert.match((await count(3, "--quiet")).stdout, /REJECTED .*\n.*line 3/);
    const use = async () => (await place.run("usage", "show", "web", "--json")).json();
    const isEmpty = { files: 0, lines: 0, unreadable: 0, from: null, until: null };
    assert.partialDeepStrictEqual(await use(), { ...isEmpty, rejected: [{ file: log, lines: 3, unreadable: 1 }] });
    assert.deepEqual(await used(place), ["1.0.0 0 never", "1.1.0 0 never", "1.2.0 0 never"]);

    // rules about use refuse to delete; a person who was told may
    const plan = await place.run("retention", "plan", "web", "--json");
    assert.match(plan.stderr, /use of feed web is incomplete: lines of .*access.log \(1 of 3\) were not understood/);
    assert.partialDeepStrictEqual(plan.json(), { use: { rejected: [{ file: log }] } });
    const refused = await retainOnTerminal(place);
    assert.equal(refused.code, 8);
    assert.match(refused.stderr, /use of feed web is incomplete.*\nhint: .*to delete by the use that is known: --yes/);
    const dry = await place.run("retention", "run", "web", "--dry-run");
    assert.match(dry.stderr, /a run would be refused: the use of feed web is incomplete/);

    await count(0, "--max-unreadable", "40%");
    assert.deepEqual(await used(place), ["1.0.0 1 01:00", "1.1.0 1 02:00", "1.2.0 0 never"]);
    const covered = {
      files: 1,
      lines: 3,
      unreadable: 1,
      from: "2026-02-06T01:00:00.000Z",
      until: "2026-02-06T02:00:00.000Z",
    };
    assert.deepEqual(await use(), { feed: "web", ...covered, rejected: [] });
    assert.match(
      (await place.run("retention", "plan", "web")).stderr,
      /^use of feed web is known from 1 log with 3 lines, from 2026-02-06 01:00 to 2026-02-06 02:00 UTC$/m,
    );

    // of a log that grew, the new lines are judged; their numbers go on
    appendFileSync(log, `nonsense\n${get("1.2.0", 3)}`);
    const grown = (await count(3, "--json")).events();
    assert.partialDeepStrictEqual(grown[0], {
      status: "rejected",
      lines: 2,
      unreadable: 1,
      samples: [{ line: 5, text: "nonsense" }],
    });
    writeFileSync(place.path("access.log.1.zst"), zstdCompressSync(readFileSync(log)));
    await place.exits(3, "usage", "import", "web", place.path("access.log.1.zst"), "--prefix", "/npm/");
    assert.partialDeepStrictEqual(await use(), { rejected: [{ file: place.path("access.log.1.zst") }] });
    appendFileSync(log, get("1.2.0", 4).repeat(100));
    await count(0);
    assert.partialDeepStrictEqual(await use(), {
      lines: 105,
      unreadable: 2,
      until: "2026-02-06T04:00:00.000Z",
      rejected: [],
    });
    const uncovered = await retainOnTerminal(place);
    assert.equal(uncovered.code, 8);
    assert.match(uncovered.stderr, /^error: no counted log of feed web covers 20..-..-.. to 20..-..-.., and rule 1/m);
  });

  database.testOnServer(
    "a line that is longer than the limit is one line that is not understood",
    async (_t, place) => {
      await prepare(place);
      const log = place.path("access.log");
      writeFileSync(log, `${get("1.0.0", 1)}${"\0".repeat(3_500_000)}\nnonsense\n`);
      const count = async () =>
        (await place.run("usage", "import", "web", log, "--prefix=/npm/", "--max-unreadable=100%", "--json")).events();
      const [counted] = await count();
      assert.partialDeepStrictEqual(counted, { lines: 3, unreadable: 2, downloads: 1 });
      assert.deepEqual(
        (counted as { samples: { line: number }[] }).samples.map(({ line }) => line),
        [2, 3],
      );
      appendFileSync(log, `nonsense\n${get("1.1.0", 2)}`);
      const [grown] = await count();
      assert.partialDeepStrictEqual(grown, { lines: 2, downloads: 1, samples: [{ line: 4 }] });
      // PowerShell writes UTF-16
      const wide = Buffer.from(`\u{feff}${get("1.2.0", 3)}`, "utf16le");
      writeFileSync(log, wide);
      assert.partialDeepStrictEqual(await count(), [{ lines: 1, downloads: 1 }, { known: 0 }]);
      writeFileSync(log, wide.swap16());
      assert.partialDeepStrictEqual(await count(), [{ status: "known" }, { known: 1 }]);
    },
  );

  database.testOnServer("each log of which nothing is understood is reported", async (_t, place) => {
    await prepare(place);
    const put = (name: string, text: string | Buffer) => {
      writeFileSync(place.path(name), text);
      return place.path(name);
    };
    const files = [
      put("a", "this is no log"),
      put("b", "nor this\n"),
      put("c.xz", Buffer.from("fd377a585a000000", "hex")),
    ];
    const { events } = await place.exits(3, "usage", "import", "web", ...files, "--json");
    assert.partialDeepStrictEqual(events(), [
      { status: "rejected", lines: 1, unreadable: 1, samples: [{ line: 1, text: "this is no log" }] },
      { status: "rejected", lines: 1, unreadable: 1 },
      { status: "failed", reason: "logs compressed with xz or zip cannot be read; unpack it first" },
      { rejected: 2, failed: 1, downloads: 0 },
    ]);
    // logs of IIS all begin with the same line: each is a log of its own
    const w3c = (path: string) =>
      `\u{feff}#Version: 1.0\r\n#Fields: date time cs-method cs-uri-stem sc-status\r\n2026-02-06 00:00:38 GET ${path} 200\r\n`;
    const [one, two] = [put("u1.log", w3c("/left/-/left-1.0.0.tgz")), put("u2.log", w3c("/left/-/left-1.1.0.tgz"))];
    const counted = await place.run("usage", "import", "web", one, two, "--json");
    assert.partialDeepStrictEqual(counted.events().at(-1), { downloads: 2, known: 0, lines: 2 });
    appendFileSync(one, "2026-02-06 00:00:39 GET /left/-/left-1.2.0.tgz 200\r\n");
    const grown = await place.run("usage", "import", "web", one, two, "--json");
    assert.partialDeepStrictEqual(grown.events().at(-1), { downloads: 1, known: 1, lines: 1 });
  });

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
    assert.match(
      await talk(),
      /^use of feed web is known from 1 log with 1 line, from 20.*UTC\nno counted log of feed web covers (20..-..-..) to (?!\1)20..-..-.., and unused depends on the last 30 days\na run would be refused: no counted log/,
    );
    await place.rows("update feedctl.versions set last_used_at = last_used_at - interval '40 days'");
    assert.match(await talk(), /^no downloads of feed web are recorded since 20..-..-../m);
    await place.rows("update feedctl.versions set last_used_at = last_used_at + interval '40 days'");
    const plan = (await place.run("retention", "plan", "web", "--json")).json() as {
      delete: { version: string; reason: string }[];
    };
    assert.deepEqual(
      plan.delete.map(({ version }) => version),
      ["1.0.0", "1.2.0"],
    );
    assert.equal(plan.delete[0]?.reason, "never used, published 100 days ago (limit: 30)");

    // days that no log covers prove nothing
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();
    const run = (code: number, ...options: string[]) =>
      place.exits(code, "retention", "run", "web", "--yes", ...options);
    await run(8);
    await run(2, "--assume-unused");
    const gap = await run(8, "--quarantine", "7");
    assert.match(gap.stderr, /hint: nothing was deleted; import the logs.*--quarantine DAYS --assume-unused/);
    assert.partialDeepStrictEqual((await run(0, "--quarantine", "7", "--assume-unused", "--json")).events().at(-1), {
      hidden: 2,
    });
    // a log that comes later shows a version again that was used within the rule's days
    const late = [31, 20].map((ago, number) =>
      monitor({ time: day(ago), properties: { objectKey: `/acct/box/left/-/left-1.${2 * number}.0.tgz` }, uri: "" }),
    );
    writeFileSync(place.path("b.json"), `${late.join("\n")}\n`);
    const counted = await place.run("usage", "import", "web", place.path("b.json"), "--json");
    assert.partialDeepStrictEqual(counted.events().at(-1), { downloads: 2, restored: 1 });
    const listed = (await place.run("package", "list", "web", "--json")).json() as { version: string }[];
    assert.deepEqual(
      listed.map(({ version }) => version),
      ["1.1.0", "1.2.0"],
    );
    // from the 20th day on there is no log again
    const uncovered = (await place.run("retention", "plan", "web", "--json")).json() as {
      use: { uncovered: { rule: number; days: { from: string; until: string }[] }[] };
    };
    assert.deepEqual(uncovered.use.uncovered, [
      { rule: 1, days: [{ from: day(19).slice(0, 10), until: day(2).slice(0, 10) }] },
    ]);
    writeFileSync(
      place.path("c.json"),
      `${[20, 1].map((ago) => monitor({ time: day(ago), properties: { objectKey: "/acct/box/left/-/left-1.2.0.tgz" }, uri: "" })).join("\n")}\n`,
    );
    await place.run("usage", "import", "web", place.path("c.json"));
    await place.rows("update feedctl.versions set quarantined_until = now() where quarantined_at is not null");
    assert.partialDeepStrictEqual((await run(0, "--json")).events().at(-1), { freed: 1, deleted: 0 });
  });
});
