// TLS between feedctl and PostgreSQL, as libpq means it.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import { sandbox, type Sandbox } from "../../support/feedctl.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { until } from "../../support/wait.ts";

interface Case {
  /** Query of the URL. `CA` is the file of the server's certificate, `OTHER` of one that has nothing to do with it. */
  query: string;
  host?: "localhost" | "127.0.0.1";
  env?: Record<string, string>;
  /** Whether the connection is encrypted, or the error. */
  want: boolean | { code: string; words: RegExp; hint?: RegExp };
}

const distrusted = { code: "unavailable", words: /over TLS: (self-signed|unable to)/, hint: /sslrootcert=FILE/ };

/** The server's certificate is for localhost. */
const withTls: Case[] = [
  { query: "", want: true },
  { query: "sslmode=disable", want: false },
  { query: "sslmode=allow", want: false },
  { query: "sslmode=prefer", want: true },
  { query: "sslmode=require", want: true },
  { query: "ssl=true", want: true },
  { query: "ssl=0", want: false },
  { query: "", env: { PGSSLMODE: "disable" }, want: false },
  { query: "sslmode=require", env: { PGSSLMODE: "disable" }, want: true },
  { query: "sslmode=require&uselibpqcompat=true", want: true },
  { query: "sslmode=require&sslrootcert=CA", want: true },
  { query: "sslmode=require&sslrootcert=OTHER", want: distrusted },
  { query: "sslmode=require", env: { PGSSLROOTCERT: "OTHER" }, want: distrusted },
  { query: "sslmode=verify-ca&sslrootcert=CA", want: true },
  { query: "sslmode=verify-ca&sslrootcert=OTHER", want: distrusted },
  { query: "sslmode=verify-ca", want: { code: "usage", words: /sslmode=verify-ca without sslrootcert/ } },
  { query: "sslmode=verify-full&sslrootcert=CA", host: "localhost", want: true },
  {
    query: "sslmode=verify-full&sslrootcert=CA",
    want: { code: "unavailable", words: /over TLS: .*127\.0\.0\.1/, hint: /for another host/ },
  },
  { query: "sslmode=verify-full", host: "localhost", want: distrusted },
  { query: "sslrootcert=system", host: "localhost", want: distrusted },
  {
    query: "sslrootcert=system&sslmode=require",
    want: { code: "usage", words: /sslrootcert=system with sslmode=require/ },
  },
  { query: "sslmode=full", want: { code: "usage", words: /the sslmode "full"/, hint: /verify-full/ } },
  { query: "sslmode=no-verify", want: { code: "usage", words: /the sslmode "no-verify"/ } },
  { query: "sslcrl=revoked.pem", want: { code: "usage", words: /the parameter sslcrl/ } },
  {
    query: "sslmode=verify-full&sslrootcert=/none",
    want: { code: "usage", words: /the file of sslrootcert/, hint: /ENOENT/ },
  },
  { query: "sslnegotiation=direct", want: { code: "usage", words: /sslnegotiation=direct with sslmode=prefer/ } },
];

const noTls = { code: "unavailable", words: /over TLS: The server does not support SSL/, hint: /turn on ssl/ };
const withoutTls: Case[] = [
  { query: "", want: false },
  { query: "sslmode=prefer", want: false },
  { query: "sslmode=require", want: noTls },
  { query: "sslmode=verify-full&sslrootcert=CA", want: noTls },
  { query: "", env: { PGSSLMODE: "require" }, want: noTls },
];

describe("TLS to the catalog", () => {
  let server: TestPostgres | undefined;
  let place: Sandbox;
  let url: string;
  let missing: string | undefined;

  before(async () => {
    place = await sandbox();
    if (spawnSync("openssl", ["version"]).status !== 0) missing = "no openssl on this machine";
    else server = await startPostgres({ own: true });
    if (server?.stopDuring === undefined) return void (missing ??= "the PostgreSQL here is not ours to change");
    url = await server.createDatabase();
    for (const name of ["CA", "OTHER"]) makeCertificate(place, name);
    const { data_directory: data } = await change(`show data_directory`);
    // PostgreSQL reads a key only when its own user is the owner
    const { uid, gid } = statSync(String(data));
    chownSync(place.path("CA.key"), uid, gid);
    chmodSync(place.directory, 0o755);
    await change(`alter system set ssl_cert_file = '${place.path("CA")}'`);
    await change(`alter system set ssl_key_file = '${place.path("CA.key")}'`);
  });
  after(async () => {
    await server?.stop();
    await place[Symbol.asyncDispose]();
  });

  for (const [ssl, cases] of [
    ["on", withTls],
    ["off", withoutTls],
  ] as const)
    test(`of a server with ssl = ${ssl}`, async (t) => {
      if (missing !== undefined) return t.skip(missing);
      await switchTls(ssl);
      for (const each of cases) {
        const about = `ssl ${ssl}: ${each.query} ${JSON.stringify(each.env ?? {})}`;
        const { want } = each;
        const result = await encrypted(each).catch((error: unknown) => error);
        if (typeof want === "boolean") {
          assert.equal(result, want, `${about}: ${String(result)}`);
          continue;
        }
        const error = result as Error & { code: string; hint: string };
        assert.equal(error.code, want.code, `${about}: ${String(result)}`);
        assert.match(error.message, want.words, about);
        assert.match(error.hint, want.hint ?? /./, about);
      }
    });

  test("the driver prints no warnings", async (t) => {
    if (missing !== undefined) return t.skip(missing);
    await switchTls("on");
    await place.feedctl(["init"], { env: { FEEDCTL_DATABASE_URL: url } });
    for (const query of ["sslmode=require", "sslmode=prefer", "sslmode=verify-ca&sslrootcert=CA"]) {
      const FEEDCTL_DATABASE_URL = withQuery(query, "127.0.0.1");
      const { code, stderr } = await place.feedctl(["feed", "list"], { env: { FEEDCTL_DATABASE_URL } });
      assert.deepEqual([code, stderr], [0, ""], query);
    }
  });

  test("a password comes from the URL, PGPASSWORD or ~/.pgpass, and the driver prints no warning about it", async (t) => {
    if (missing !== undefined) return t.skip(missing);
    const { hba_file: rules } = await change("show hba_file");
    const others = readFileSync(String(rules), "utf8");
    writeFileSync(String(rules), `host all secretive 127.0.0.1/32 scram-sha-256\n${others}`);
    await change("create role secretive login superuser password 'hidden-word'");
    await change("select pg_reload_conf()");
    const its = new URL(url);
    its.username = "secretive";
    const login = async (env: Record<string, string>, edit: (url: URL) => void = () => {}) => {
      const given = new URL(its);
      edit(given);
      const { code, stderr } = await place.feedctl(["feed", "list"], {
        env: { FEEDCTL_DATABASE_URL: given.href, ...env },
      });
      return { code, stderr };
    };
    await until("the server asks for a password", async () => (await login({})).code === 6);
    assert.match(
      (await login({})).stderr,
      /^error: the catalog refused the login: .* none is given\nhint: put it into .*PGPASSWORD/,
    );
    const fine = { code: 0, stderr: "" };
    assert.deepEqual(await login({}, (given) => (given.password = "hidden-word")), fine);
    assert.deepEqual(await login({ PGPASSWORD: "hidden-word" }), fine);
    writeFileSync(place.path(".pgpass"), "127.0.0.1:*:*:secretive:hidden-word\n", { mode: 0o600 });
    assert.deepEqual(await login({}), fine);
  });

  async function switchTls(ssl: "on" | "off"): Promise<void> {
    await change(`alter system set ssl = ${ssl}`);
    await change("select pg_reload_conf()");
    await until(`ssl is ${ssl}`, async () => (await change("show ssl"))["ssl"] === ssl);
  }

  async function encrypted({ query, host = "127.0.0.1", env = {} }: Case): Promise<boolean | undefined> {
    const files = Object.entries(env).map(([name, value]) => [name, inPlace(value)]);
    const variables = { HOME: place.directory, ...Object.fromEntries(files) };
    await using catalog = await openPostgres(withQuery(query, host), variables);
    const found = await sql<{ ssl: boolean }>`
      select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(catalog.db);
    return found.rows[0]?.ssl;
  }

  function withQuery(query: string, host: string): string {
    const changed = new URL(url);
    changed.hostname = host;
    return `${changed.href}?${inPlace(query)}`;
  }

  function inPlace(text: string): string {
    return text.replace(/\b(CA|OTHER)$/, (name) => place.path(name));
  }

  async function change(statement: string): Promise<Record<string, unknown>> {
    const client = new pg.Client({ connectionString: server!.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows[0] ?? {};
    } finally {
      await client.end();
    }
  }
});

/** Writes a self-signed certificate for localhost, and its key to NAME.key. */
function makeCertificate(place: Sandbox, name: string): void {
  const [certificate, key] = [place.path(name), join(place.directory, `${name}.key`)];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const newKey = ["-newkey", "rsa:2048", "-nodes", "-keyout", key];
  execFileSync("openssl", ["req", "-x509", "-days", "30", ...newKey, ...subject, "-out", certificate], {
    stdio: "ignore",
  });
  chmodSync(key, 0o600);
}
