// Credentials that expire while feedctl runs. The SDK's provider (a program named in a profile) and the server are
// real; the server refuses an unknown session token. Only the output of the program is fake.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { FeedctlError } from "../../../src/errors.ts";
import type { S3Config } from "../../../src/stores/s3/config.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import type { Store } from "../../../src/stores/store.ts";
import { readAll, someBytes } from "../../support/bytes.ts";
import { s3Cannot } from "../../support/s3-abilities.ts";
import { s3ServerKind, startS3, type S3Server } from "../../support/s3-server.ts";
import { hasCode, keysOf, MIB, putBytes } from "../contract/put.ts";
import { deleteAll } from "../contract/delete.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

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
  sweep: async (store) => assert.equal(await sweepUnfinished(store, new Date()), 0),
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

const ENVIRONMENT = [...NAMES, "AWS_SECRET_ACCESS_KEY", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"].concat(
  "AWS_ENDPOINT_URL_STS AWS_EC2_METADATA_DISABLED AWS_USE_FIPS_ENDPOINT".split(" "),
);

/** The error of the first request of a store in this environment. No server listens at the store's endpoint. */
async function failing(t: TestContext, env: Record<string, string>, config: Partial<S3Config>, profiles = "") {
  const directory = await mkdtemp(join(tmpdir(), "feedctl-credentials-"));
  await writeFile(join(directory, "config"), profiles);
  const earlier = ENVIRONMENT.map((name) => [name, process.env[name]] as const);
  t.after(async () => {
    for (const [name, value] of earlier) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true });
  });
  for (const name of ENVIRONMENT) delete process.env[name];
  const files = { AWS_CONFIG_FILE: join(directory, "config"), AWS_SHARED_CREDENTIALS_FILE: join(directory, "none") };
  Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: "true", ...files, ...env });
  const place = { bucket: "bucket", region: "us-east-1", endpoint: "http://127.0.0.1:9", pathStyle: true };
  await using store = await openS3Store({ type: "s3", ...place, ...config });
  const error: unknown = await keysOf(store, "").then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof FeedctlError, String(error));
  return error;
}

describe("the reason why there are no credentials is reported, not a fault of the bucket", () => {
  const role = "arn:aws:iam::123456789012:role/R";
  const sso = `[profile x]
sso_session = s
sso_account_id = 123456789012
sso_role_name = R
[sso-session s]
sso_region = us-east-1
sso_start_url = https://example.awsapps.com/start
`;
  const mfa = `[profile base]
aws_access_key_id = a
aws_secret_access_key = b
[profile x]
role_arn = ${role}
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/u
`;
  const program = `[profile x]\ncredential_process = /bin/sh -c 'echo "vault is sealed" >&2; exit 3'\n`;
  const token = { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: "/nonexistent/token" };
  const down = { AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" };
  const keys = { accessKey: "AKIATEST", secretKey: "secret" };
  for (const { name, env, config, profiles, code = "denied", says } of [
    {
      name: "an SSO login that has ended",
      config: { profile: "x" },
      profiles: sso,
      says: /"x".*aws sso login --profile x/,
    },
    { name: "MFA", config: { profile: "x" }, profiles: mfa, says: /"x".*multi-factor.*asks for no MFA code/ },
    {
      name: "a program that fails",
      config: { profile: "x" },
      profiles: program,
      says: /vault is sealed.*credential_process/,
    },
    { name: "an unknown profile", config: { profile: "typo" }, says: /"typo": Could not resolve.*check --profile/ },
    { name: "an unknown profile of the environment", env: { AWS_PROFILE: "typo" }, says: /the profile "typo"/ },
    { name: "a missing token file", env: token, says: /token file \/nonexistent\/token cannot be read \(ENOENT\)/ },
    { name: "STS is down", env: down, config: { ...keys, roleArn: role }, code: "unavailable", says: /role\/R: .*STS/ },
    { name: "none at all", says: /: no credentials.*give --access-key/ },
  ]) {
    test(name, { skip: process.platform === "win32" && "the program is a shell script" }, async (t) => {
      const error = await failing(t, { ...env }, { ...config }, profiles);
      hasCode(code as "denied")(error);
      assert.equal(error.noCredentials, true);
      assert.match(`${error.message} ${error.hint}`, says);
      assert.match(error.message, /^cannot get credentials for s3:/);
    });
  }

  test("a role that STS refuses", async (t) => {
    const words = `User: arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole on resource: ${role}`;
    const sts = createServer((request, response) => {
      request.resume();
      response.writeHead(403, { "content-type": "text/xml" });
      response.end(
        `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${words}</Message></Error></ErrorResponse>`,
      );
    });
    await once(sts.listen(0, "127.0.0.1"), "listening");
    t.after(() => sts.close());
    const env = { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}` };
    const error = await failing(t, env, { ...keys, roleArn: role });
    hasCode("denied")(error);
    assert.match(`${error.message} ${error.hint}`, /STS refuses: .*sts:AssumeRole.* trust policy/);
  });

  test("settings of the endpoint that contradict each other are a usage error", async (t) => {
    const error = await failing(t, { AWS_USE_FIPS_ENDPOINT: "true" }, keys);
    hasCode("usage")(error);
    assert.match(`${error.message} ${error.hint}`, /FIPS.*AWS_USE_FIPS_ENDPOINT/);
  });
});
