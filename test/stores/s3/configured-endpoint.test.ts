import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { locationOf } from "../../../src/stores/location.ts";
import { resolveConfig } from "../../../src/stores/providers.ts";

const FILE = `[default]
endpoint_url = http://default.example
region = eu-north-1
[profile plain]
endpoint_url = http://plain.example:9000
region = eu-west-1
[profile sectioned]
endpoint_url = http://general.example
services = mine
[services mine]
s3 =
  endpoint_url = http://s3.example/base
[profile amazon]
region = eu-central-1
[profile ignoring]
endpoint_url = http://plain.example
ignore_configured_endpoint_urls = true
`;

/** `at`: the place of the bucket `b`; `region`: of the configuration. */
const cases: { name: string; env?: Record<string, string>; config?: object; at: string; region?: string }[] = [
  { name: "nothing but the default profile", at: "default.example/b", region: "eu-north-1" },
  { name: "a named profile", config: { profile: "plain" }, at: "plain.example:9000/b", region: "eu-west-1" },
  { name: "AWS_PROFILE", env: { AWS_PROFILE: "plain" }, at: "plain.example:9000/b", region: "eu-west-1" },
  { name: "the services section", config: { profile: "sectioned" }, at: "s3.example/base/b" },
  { name: "a profile without endpoint is Amazon", config: { profile: "amazon" }, at: "aws/b" },
  { name: "AWS_ENDPOINT_URL", env: { AWS_ENDPOINT_URL: "http://127.0.0.1:9000" }, at: "localhost:9000/b" },
  {
    name: "AWS_ENDPOINT_URL_S3 before AWS_ENDPOINT_URL and the profile",
    env: { AWS_ENDPOINT_URL: "http://all.example", AWS_ENDPOINT_URL_S3: "https://s3only.example" },
    config: { profile: "plain" },
    at: "s3only.example/b",
  },
  {
    name: "the option before everything",
    env: { AWS_ENDPOINT_URL: "http://all.example" },
    config: { endpoint: "http://given.example", region: "us-east-1" },
    at: "given.example/b",
    region: "us-east-1",
  },
  {
    name: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    env: { AWS_ENDPOINT_URL: "http://all.example", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" },
    at: "aws/b",
  },
  { name: "ignore_configured_endpoint_urls", config: { profile: "ignoring" }, at: "aws/b" },
];

for (const { name, env = {}, config = {}, at, region } of cases)
  test(`the place of a bucket follows the endpoint of ${name}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "feedctl-endpoint-"));
    await writeFile(join(directory, "config"), FILE);
    const files = { AWS_CONFIG_FILE: join(directory, "config"), AWS_SHARED_CREDENTIALS_FILE: join(directory, "none") };
    const changed = { AWS_PROFILE: undefined, AWS_REGION: undefined, AWS_ENDPOINT_URL: undefined, ...files, ...env };
    const earlier = Object.keys(changed).map((key) => [key, process.env[key]] as const);
    const set = (key: string, value: string | undefined) => {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    };
    try {
      for (const [key, value] of Object.entries(changed)) set(key, value);
      const resolved = await resolveConfig({ type: "s3", bucket: "b", ...config });
      assert.equal(locationOf(resolved).place, at);
      if (region !== undefined) assert.partialDeepStrictEqual(resolved, { region });
    } finally {
      for (const [key, value] of earlier) set(key, value);
      await rm(directory, { recursive: true });
    }
  });
