// What goes wrong between feedctl and PostgreSQL is never a bug of feedctl: a status and a hint, and no stack.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import { isFeedctlError } from "../../../src/errors.ts";
import { onDatabases } from "../../support/databases.ts";
import { sandbox } from "../../support/feedctl.ts";
import { writePackages } from "../../support/package-set.ts";

interface Fake extends AsyncDisposable {
  port: number;
}

async function listen(serve: (client: Socket) => void): Promise<Fake> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => {});
    serve(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const servers: { name: string; serve: (client: Socket) => void; query?: string }[] = [
  { name: "closes the connection at once", serve: (client) => client.destroy() },
  { name: "ends the connection when it is asked", serve: (client) => client.on("data", () => client.end()) },
  { name: "speaks SSH", serve: (client) => client.end("SSH-2.0-OpenSSH_9.2\r\n") },
  {
    name: "speaks SSH, and is not asked for TLS",
    serve: (client) => client.end("SSH-2.0-OpenSSH_9.2\r\n"),
    query: "sslmode=disable",
  },
  {
    name: "speaks HTTP",
    serve: (client) => client.on("data", () => client.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    query: "sslmode=disable",
  },
  {
    name: "says yes to TLS and then cannot do it",
    serve: (client) => client.on("data", () => client.write("S")),
    query: "sslmode=require",
  },
  {
    name: "sends zeros",
    serve: (client) => client.on("data", () => client.end(Buffer.alloc(64))),
    query: "sslmode=disable",
  },
  {
    name: "asks for Kerberos, and waits",
    serve: (client) => client.on("data", () => client.write(Buffer.from("R\0\0\0\x08\0\0\0\x07", "latin1"))),
    query: "sslmode=disable",
  },
];

test("a server that is no PostgreSQL, or a socket that does not exist: status 7 and a hint", async () => {
  await using place = await sandbox();
  const check = async (name: string, url: string) => {
    const { code, stderr } = await place.feedctl(["feed", "list"], { env: { FEEDCTL_DATABASE_URL: url } });
    assert.equal(code, 7, `${name}: ${stderr}`);
    assert.match(stderr, /^error: the catalog (cannot be reached|is unavailable).*\nhint: .+\n$/, name);
  };
  for (const { name, serve, query } of servers) {
    await using server = await listen(serve);
    await check(name, `postgres://u:hidden-word@127.0.0.1:${server.port}/x?${query ?? ""}`);
  }
  await check("a Unix socket", `postgres://u@/x?host=${place.path("none")}`);
  await check("a Unix socket, by its path", `${place.path("none")} x`);
});

/** SQLSTATE, and the code that it becomes. Undefined: it stays an error of PostgreSQL, because it is a bug. */
const states: [state: string, code: string | undefined, hint?: RegExp][] = [
  ["08006", "unavailable"],
  ["08P01", "unavailable"],
  ["23505", "conflict"],
  ["25006", "unavailable", /primary/],
  ["25P03", "unavailable", /idle_in_transaction_session_timeout/],
  ["25P04", "unavailable", /transaction_timeout/],
  ["26000", "unavailable", /pool_mode = session/],
  ["28P01", "denied"],
  ["40001", "locked"],
  ["40P01", "locked"],
  ["42501", "denied"],
  ["53100", "full"],
  ["53200", "unavailable", /memory/],
  ["53300", "unavailable", /max_connections/],
  ["55P03", "locked"],
  ["57014", "unavailable", /statement_timeout/],
  ["57P01", "unavailable"],
  ["57P05", "unavailable", /idle_session_timeout/],
  ["58030", "unavailable", /log/],
  ["XX000", "unavailable", /log/],
  ["XX001", "unavailable", /log/],
  ["22012", undefined],
  ["42601", undefined],
];

/** Messages of PgBouncer with the state 08P01. */
const poolerMessages: [message: string, code: string, hint: RegExp][] = [
  ["query_wait_timeout", "unavailable", /default_pool_size/],
  ["no more connections allowed (max_client_conn)", "unavailable", /max_client_conn/],
  ["no such database: x", "not-found", /createdb/],
  ['database "x" does not exist', "not-found", /createdb/],
  ["password authentication failed", "denied", /password/],
  ["server login has been failing, try again later (server_login_retry)", "unavailable", /is back/],
];

onDatabases("a catalog that fails", ["PostgreSQL"], (database) => {
  database.test("each state of PostgreSQL has its code and a hint", async (_t, place) => {
    await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"]!);
    for (const [state, code, hint = /./] of states) {
      const raise = `do $$ begin raise exception 'the reason' using errcode = '${state}'; end $$`;
      await assert.rejects(catalog.script(raise), (error: unknown) => {
        assert.equal(isFeedctlError(error) ? error.code : undefined, code, state);
        if (isFeedctlError(error)) assert.match(error.hint ?? "", hint, state);
        return true;
      });
    }
    for (const [message, code, hint] of poolerMessages) {
      const raise = `do $$ begin raise exception '%', '${message}' using errcode = '08P01'; end $$`;
      await assert.rejects(catalog.script(raise), { code, hint }, message);
    }
  });

  database.test(
    "the connection is cut while a transaction commits: status 7, and the next run agrees",
    async (_t, place) => {
      await place.run("feed", "create", "web", "--type", "npm");
      writePackages(place.path("builds"), 3);
      const url = new URL(place.env["FEEDCTL_DATABASE_URL"]!);
      await using proxy = await listen((client) => {
        const server = connect(Number(url.port), url.hostname);
        server.on("error", () => {});
        for (const socket of [client, server])
          socket.on("close", () => [client, server].forEach((each) => each.destroy()));
        let cutting = false;
        client.on("data", (chunk: Buffer) => {
          cutting ||= chunk.toString("latin1").includes("commit\0");
          server.write(chunk);
        });
        // the answer to the commit never arrives
        server.on("data", (chunk: Buffer) => (cutting ? client.destroy() : client.write(chunk)));
      });
      const through = new URL(url);
      through.port = String(proxy.port);
      const cut = await place.feedctl(["import", "web", place.path("builds")], {
        env: { FEEDCTL_DATABASE_URL: through.href },
      });
      assert.equal(cut.code, 7, cut.stderr);
      assert.match(cut.stderr, /^error: the catalog .*\nhint: /m);
      assert.doesNotMatch(cut.stderr, /bug in feedctl/);
      await place.run("import", "web", place.path("builds"));
      assert.partialDeepStrictEqual((await place.run("verify", "web", "--read", "--json")).summary(), {
        match: 3,
        missingBlob: 0,
        missingRow: 0,
      });
    },
  );

  database.test(
    "a lock whose connection was ended is lost, and the next lock has a new connection",
    async (_t, place) => {
      await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"]!);
      const lock = await catalog.lock({ kind: "run", id: 1, mode: "exclusive" });
      assert.ok(lock !== undefined);
      await lock.assertHeld();
      await place.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
      await assert.rejects(lock.assertHeld(), { code: "unavailable" });
      await using next = await catalog.lock({ kind: "run", id: 1, mode: "exclusive" });
      assert.ok(next !== undefined);
      await next.assertHeld();
      await assert.rejects(lock.assertHeld(), { code: "unavailable" });
    },
  );
});
