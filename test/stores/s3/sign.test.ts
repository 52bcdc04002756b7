import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { S3, type S3ClientConfig } from "@aws-sdk/client-s3";
import {
  createSigner,
  EMPTY_PAYLOAD,
  encodePath,
  encodeQuery,
  presign,
  UNSIGNED_PAYLOAD,
} from "../../../src/stores/s3/sign.ts";

interface Captured {
  method: string;
  hostname: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
}

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };

/** Captures the request that the SDK would send. */
async function capture(
  call: (client: S3) => Promise<unknown>,
  config: Partial<S3ClientConfig> = {},
): Promise<Captured> {
  const captured: Captured[] = [];
  const handler = {
    async handle(request: Captured) {
      captured.push(structuredClone({ ...request, body: undefined }));
      return { response: { statusCode: 200, headers: {}, body: Readable.from([]) } };
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
  const client = new S3({
    region: "eu-west-3",
    credentials,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: handler,
    ...config,
  });
  await call(client);
  assert.equal(captured.length, 1);
  return captured[0]!;
}

/** The same request, encoded and signed by us, at the time at which the SDK signed it. */
function signAgain(
  request: Captured,
  path: string,
  query: Record<string, string>,
  token?: string,
): Record<string, string> {
  const {
    host = "",
    authorization: _,
    "x-amz-date": date = "",
    "x-amz-content-sha256": payload = "",
    "x-amz-security-token": __,
    ...headers
  } = request.headers;
  const [, y, mo, d, h, mi, s] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(date)!;
  const now = new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  const sign = createSigner("eu-west-3", "s3");
  const whole = { ...credentials, sessionToken: token };
  return sign({ method: request.method, host, path, query: encodeQuery(query), headers, payload }, whole, now);
}

const KEYS = [
  "a",
  "a b",
  "a+b",
  "a%41%2F",
  "100%",
  "a&b=c?d#e",
  "é and e\u0301",
  "\uff5e/😀",
  "!'()*~-_.",
  "a:b;c,d@e$f",
  '<"\\^`{|}>',
  "dir//double/",
  "ends in a blank ",
  "\u00a0",
];

describe("the same request is signed as the SDK signs it", () => {
  for (const key of KEYS) {
    for (const [style, config, base] of [
      ["host", {}, "/"],
      ["path", { endpoint: "http://127.0.0.1:9000/base", forcePathStyle: true }, "/base/bucket/"],
    ] as const) {
      test(`${JSON.stringify(key)}, bucket in the ${style}`, async () => {
        const request = await capture(
          (client) => client.putObject({ Bucket: "bucket", Key: key, Body: "x", CacheControl: "no-cache" }),
          config,
        );
        const path = base + encodePath(key);
        assert.equal(path, request.path);
        assert.equal(signAgain(request, path, request.query)["authorization"], request.headers["authorization"]);
      });
    }

    test(`${JSON.stringify(key)} in the query, with a session token`, async () => {
      const request = await capture(
        (client) => client.listObjectsV2({ Bucket: "bucket", Prefix: key, ContinuationToken: `${key}==`, MaxKeys: 7 }),
        { credentials: { ...credentials, sessionToken: "token/+=" } },
      );
      const query = { "list-type": "2", prefix: key, "continuation-token": `${key}==`, "max-keys": "7" };
      const signed = signAgain(request, "/", { ...query }, "token/+=");
      assert.equal(signed["authorization"], request.headers["authorization"]);
      assert.equal(signed["x-amz-security-token"], request.headers["x-amz-security-token"]);
    });
  }

  test("user metadata, a condition and blanks inside a value", async () => {
    const more = { IfNoneMatch: "*", ContentType: "text/plain;  charset=utf-8 ", Metadata: { b: "2", a: "x  y" } };
    const request = await capture((client) => client.putObject({ Bucket: "bucket", Key: "a", Body: "x", ...more }));
    assert.equal(signAgain(request, "/a", request.query)["authorization"], request.headers["authorization"]);
  });
});

test("the example of Amazon's documentation", () => {
  const request = {
    method: "GET",
    host: "examplebucket.s3.amazonaws.com",
    path: "/test.txt",
    query: "",
    headers: { range: "bytes=0-9" },
    payload: EMPTY_PAYLOAD,
  };
  const keys = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
  const signed = createSigner("us-east-1", "s3")(request, keys, new Date("2013-05-24T00:00:00Z"));
  assert.equal(
    signed["authorization"],
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  );
});

test("the example of Amazon's documentation, in the URL", () => {
  const keys = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
  const request = { method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/test.txt", seconds: 86400 };
  const at = { region: "us-east-1", service: "s3" };
  const address = presign(at, request, keys, new Date("2013-05-24T00:00:00Z"));
  assert.equal(
    address,
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

const UNSIGNED_CONTENT = new Set(["x-amz-content-sha256"]);

/** A member of the SDK's signer that its types do not declare. */
interface Presigner {
  presign(request: object, options: object): Promise<{ query: Record<string, string> }>;
}

describe("the same URL is signed as the SDK's own signer does", () => {
  const now = new Date("2024-05-06T07:08:09.999Z");
  for (const key of KEYS) {
    for (const sessionToken of [undefined, "token/+="]) {
      test(`${JSON.stringify(key)}${sessionToken === undefined ? "" : ", with a session token"}`, async () => {
        const keys = { ...credentials, ...(sessionToken !== undefined && { sessionToken }) };
        const client = new S3({ region: "eu-west-3", credentials: keys });
        const signer = (await client.config.signer()) as unknown as Presigner;
        const path = `/bucket/${encodePath(key)}`;
        const request = {
          method: "GET",
          protocol: "https:",
          hostname: "127.0.0.1",
          port: 9000,
          path,
          query: {},
          headers: { host: "127.0.0.1:9000" },
        };
        // The SDK states in the URL that the payload is not signed; ours relies on the default.
        const options = { expiresIn: 3600, signingDate: now, signingRegion: "eu-west-3", signingService: "s3" };
        const { query } = await signer.presign(
          { ...request, headers: { ...request.headers, "x-amz-content-sha256": UNSIGNED_PAYLOAD } },
          { ...options, unhoistableHeaders: new Set(["x-amz-content-sha256"]), unsignableHeaders: UNSIGNED_CONTENT },
        );
        const at = { region: "eu-west-3", service: "s3" };
        const ours = presign(at, { method: "GET", host: "127.0.0.1:9000", path, seconds: 3600 }, keys, now);
        const found = new URL(ours, "https://127.0.0.1:9000");
        assert.deepEqual(Object.fromEntries(found.searchParams), query);
        assert.equal(found.searchParams.get("X-Amz-Security-Token"), sessionToken ?? null);
      });
    }
  }
});

test("a new day and new credentials use a new key, whatever was signed before", () => {
  const request = { method: "GET", host: "h", path: "/", query: "", headers: {}, payload: UNSIGNED_PAYLOAD };
  const used = createSigner("r", "s3");
  for (const [secretAccessKey, time] of [
    ["one", "2024-01-01T23:59:59Z"],
    ["one", "2024-01-02T00:00:00Z"],
    ["two", "2024-01-02T00:00:00Z"],
    ["one", "2024-01-02T00:00:01Z"],
  ] as const) {
    const keys = { accessKeyId: "a", secretAccessKey };
    assert.deepEqual(used(request, keys, new Date(time)), createSigner("r", "s3")(request, keys, new Date(time)));
  }
});
