// Credentials that expire while feedctl runs. The SDK's provider (a program named in a profile) and the server are
// real; the server refuses an unknown session token. Only the output of the program is fake.
import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import type { Store } from "../../../src/stores/store.ts";
import { readAll, someBytes } from "../../support/bytes.ts";
import { s3Cannot } from "../../support/s3-abilities.ts";
import { s3ServerKind, startS3, type S3Server } from "../../support/s3-server.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { deleteAll } from "../contract/delete.ts";

const kind = s3ServerKind();
const skip =
  process.platform === "win32" ? "the program is a shell script" : s3Cannot("name a wrong session token as such");
const key = parseKey;
const NAMES = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"];
let server: S3Server;
before(async () => {
  server = await startS3();
});
after(() => server.stop());

let count = 0;
/** A store for which the first `bad` outputs of the program have a token that the server refuses. */
async function openExpiring(t: TestContext, bad: number) {
  const bucket = `feedctl-expiry-${process.pid}-${++count}`;
  await server.createBucket(bucket);
  await server.client.putObject({ Bucket: bucket, Key: "there", Body: "bytes" });
  const directory = await mkdtemp(join(tmpdir(), "feedctl-credentials-"));
  const asked = join(directory, "asked");
  const program = join(directory, "program.sh");
  const keys = `"Version":1,"AccessKeyId":"${server.accessKey}","SecretAccessKey":"${server.secretKey}"`;
  await writeFile(asked, "");
  await writeFile(
    program,
    `#!/bin/sh
echo x >> '${asked}'
if [ $(wc -l < '${asked}') -gt ${bad} ]; then echo '{${keys}}'; else echo '{${keys},"SessionToken":"old-token-value"}'; fi
`,
  );
  await chmod(program, 0o700);
  const profile = `expiring${count}`;
  await writeFile(join(directory, "config"), `[profile ${profile}]\ncredential_process = ${program}\n`);
  const earlier = NAMES.map((name) => [name, process.env[name]] as const);
  for (const name of NAMES) delete process.env[name];
  process.env["AWS_CONFIG_FILE"] = join(directory, "config");
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(directory, "none");
  const { endpoint, region } = server;
  const store = await openS3Store({ type: "s3", bucket, endpoint, region, profile, pathStyle: true });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    for (const [name, value] of earlier) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true });
  });
  return { store, asked: async () => (await readFile(asked, "utf8")).length / 2 };
}

const calls: Record<string, (store: Store) => Promise<unknown>> = {
  get: async (store) => assert.equal(String(await readAll(await store.get(key("there")))), "bytes"),
  head: async (store) => assert.equal((await store.head(key("there")))?.size, 5),
  "head of a missing blob": async (store) => assert.equal(await store.head(key("missing")), undefined),
  list: async (store) => assert.deepEqual(await keysOf(store, ""), ["there"]),
  put: async (store) => assert.equal(await putBytes(store, key("new"), someBytes(10)), "created"),
  "large put, by the SDK": async (store) =>
    assert.equal(
      await putBytes(store, key("new"), someBytes(9 * MIB), { ifExists: "replace", replaces: false }),
      "created",
    ),
  delete: async (store) => store.delete(key("there")),
  deleteMany: async (store) => deleteAll(store, [key("there")]),
  sweep: async (store) => assert.equal(await store.sweep!(new Date()), 0),
};

describe(`s3 on ${kind}: credentials that the server refuses as expired`, { skip }, () => {
  for (const [name, run] of Object.entries(calls)) {
    test(`are renewed, and the request is repeated: ${name}`, async (t) => {
      const { store, asked } = await openExpiring(t, 1);
      await run(store);
      assert.equal(await asked(), 2);
    });
  }

  test("are renewed once for many requests at the same time", async (t) => {
    const { store, asked } = await openExpiring(t, 1);
    await Promise.all(Array.from({ length: 20 }, async () => readAll(await store.get(key("there")))));
    assert.equal(await asked(), 2);
  });

  test("are denied with a hint if the new ones are refused, too", async (t) => {
    const { store, asked } = await openExpiring(t, 100);
    for (const [name, run] of Object.entries(calls)) {
      const earlier = await asked();
      const error: unknown = await run(store).then(
        () => assert.fail(`${name} succeeded`),
        (reason: unknown) => reason,
      );
      hasCode("denied")(error);
      assert.match(String((error as { hint?: string }).hint), /sign in again/, name);
      assert.ok((await asked()) - earlier <= 4, `${name} asked ${(await asked()) - earlier} times`);
    }
  });
});
