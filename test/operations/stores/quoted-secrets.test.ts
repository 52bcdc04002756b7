// A server that quotes what it was sent. Nothing that feedctl prints or records may repeat a secret.
import assert from "node:assert/strict";
import { createServer as createHttp, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";

const sessionToken = "IQoJb3JpZ2luX2VjEHcaCXVzLWVhc3QtMSJHMEUCIQD4mNk/sessiontoken==";
const secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYQUOTEDKEY";
const signature = "c2lnbmF0dXJlLW9mLWEtc2hhcmVkLWFjY2Vzcw==";

/** An HTTP server that answers with `answer(request)` as the message of an error in XML. */
async function quoting(answer: (request: IncomingMessage) => string, status: number) {
  const server = createHttp((request, response) => {
    const text = answer(request).replaceAll("&", "&amp;");
    request.resume();
    response.writeHead(status, { "content-type": "application/xml", "x-ms-error-code": "Weird" });
    response.end(`<?xml version="1.0"?><Error><Code>Weird</Code><Message>bad: ${text}</Message></Error>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the commands print, for people and as JSON, and what the catalog has recorded. Each command must fail. */
async function everything(place: Installation, commands: readonly string[][], env: Record<string, string>) {
  const said: string[] = [];
  for (const command of commands)
    for (const form of [["--json"], ["--verbose"]]) {
      const { code, stdout, stderr } = await place.feedctl([...command, ...form], {
        env: { ...env, FEEDCTL_DEBUG: "1" },
      });
      assert.notEqual(code, 0, stdout + stderr);
      assert.notEqual(code, 1, stdout + stderr);
      said.push(stdout, stderr);
    }
  const rows = ["runs", "audit_events"].map((name) => `select to_jsonb(t)::text as row from feedctl.${name} t`);
  said.push(JSON.stringify(await place.rows(rows.join(" union all "))));
  return said.join("\n");
}

function showsNone(text: string, secrets: readonly string[]): void {
  assert.match(text, /\*\*\*/, "the server's quotation was printed");
  for (const secret of secrets)
    for (const form of [secret, encodeURIComponent(secret), secret.slice(0, 20)])
      assert.ok(!text.includes(form), `${form} was shown`);
}

onEachDatabase("a server that quotes secrets", (database) => {
  database.testOnServer("S3: the session token and keys of the default chain", async (_t, place) => {
    await using server = await quoting(
      ({ headers }) => `token ${String(headers["x-amz-security-token"])}, key ${secretKey}, ${headers.authorization}`,
      400,
    );
    const env = {
      AWS_ACCESS_KEY_ID: "ASIAQUOTEDKEYID00000",
      AWS_SECRET_ACCESS_KEY: secretKey,
      AWS_SESSION_TOKEN: sessionToken,
    };
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run(
      "store",
      "set",
      "web",
      "--no-check",
      "s3",
      "--bucket",
      "b",
      "--endpoint",
      server.url,
      "--path-style",
    );
    const packages = writePackages(place.path("in"), 1);
    const commands = [
      ["store", "test", "web"],
      ["verify", "web"],
      ["import", "web", ...packages],
    ];
    showsNone(await everything(place, commands, env), Object.values(env));
  });

  database.testOnServer("Azure: a shared access signature, and the account key by name", async (_t, place) => {
    await using server = await quoting(({ url }) => `${url} AccountKey=${secretKey} ${signature}`, 400);
    const connection = `BlobEndpoint=${server.url}/acme;SharedAccessSignature=sv=2022-11-02&sp=rwdl&sig=${encodeURIComponent(signature)}`;
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run(
      "store",
      "set",
      "web",
      "--no-check",
      "azure",
      "--container",
      "box",
      "--connection-string",
      connection,
    );
    showsNone(
      await everything(
        place,
        [
          ["store", "test", "web"],
          ["verify", "web"],
        ],
        {},
      ),
      [signature, secretKey],
    );
  });

  database.testOnServer("PostgreSQL: the password of the catalog", async (_t, place) => {
    await using server = await quotingCatalog();
    const env = {
      FEEDCTL_DATABASE_URL: `postgres://feeds:${encodeURIComponent(secretKey)}@127.0.0.1:${server.port}/db`,
    };
    const { code, stderr } = await place.feedctl(["feed", "list"], { env: { ...env, FEEDCTL_DEBUG: "1" } });
    assert.equal(code, 6, stderr);
    showsNone(stderr, [secretKey]);
  });
});

/** A server of PostgreSQL's protocol that asks for the password in the clear and quotes it in its refusal. */
async function quotingCatalog() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      if (bytes[0] === 0x70) socket.end(refusal(`not the password: ${bytes.subarray(5, -1).toString()}`));
      else if (bytes.readInt32BE(4) === 80877103) socket.write("N");
      else socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refusal(message: string): Buffer {
  const body = Buffer.from(`SFATAL\0C28P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
