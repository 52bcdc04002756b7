import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { onDatabases } from "../../support/databases.ts";
import { startFlatS3 } from "../../support/flat-s3.ts";

const connection = (endpoint: string) =>
  `DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=${btoa("key")};BlobEndpoint=${endpoint}`;

onDatabases("the place of a store that is set", ["PostgreSQL"], (database) => {
  database.test("must be one that can exist, and is asked before it is saved", async (t) => {
    let refusing = true;
    const listed = (url: URL) => url.searchParams.has("list-type");
    const missing = { status: 404, body: "<Error><Code>NoSuchBucket</Code></Error>" };
    await using server = await startFlatS3((_, url) => (refusing && listed(url) ? missing : undefined));
    const { endpoint = "" } = server.config("packages");
    await using place = await database.install({
      AZ: connection(`${endpoint}/acme`),
      BROKEN: "garbage",
      KEY: "AKIATEST",
    });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    await place.run("feed", "create", "web", "--type", "asset");
    const set = (code: number, ...options: string[]) => place.exits(code, "store", "set", "web", ...options);
    const region = ["--region", "eu-central-1"];
    for (const container of ["a", "UPPER", "has space", "-lead", "a--b", "x".repeat(64)]) {
      const { stderr } = await set(
        2,
        "azure",
        `--container=${container}`,
        "--connection-string",
        "env:AZ",
        "--no-check",
      );
      assert.match(stderr, /is not a container name/);
    }
    for (const bucket of ["x--x-s3", "ab", "Upper", "a..b", "192.168.1.1", "xn--a", "under_score", "a/b"])
      assert.match(
        (await set(2, "s3", "--bucket", bucket, ...region, "--no-check")).stderr,
        /error: the bucket name "/,
      );
    for (const url of ["nonsense", "ftp://host", "http://"])
      assert.match((await set(2, "s3", "--bucket", "packages", "--endpoint", url)).stderr, /--endpoint is not a URL/);
    assert.match(
      (await set(2, "azure", "--container", "good", "--connection-string", "env:BROKEN")).stderr,
      /connection string/,
    );
    assert.match((await set(2, "gcs", "--bucket", "UPPER")).stderr, /bucket/);

    const s3 = ["s3", "--bucket", "packages", "--endpoint", endpoint, "--path-style", "--access-key", "env:KEY"];
    const asked = await set(4, ...s3, "--secret-key", "env:KEY");
    assert.match(asked.stderr, /error: nothing was saved: .*\n(hint: .*)?--no-check/);
    const before = (await place.run("store", "show", "web", "--json")).json();
    assert.partialDeepStrictEqual(before, { type: "disk" });
    await set(0, ...s3, "--secret-key", "env:KEY", "--no-check");
    refusing = false;
    await set(0, ...s3, "--secret-key", "env:KEY");
    assert.ok(server.requests.length > 0);
  });

  database.test(
    "is saved without credentials of this machine, and under a new address of the same place",
    async (t) => {
      await using server = await startFlatS3(() => undefined);
      await using copy = await startFlatS3(() => undefined);
      await using place = await database.install({ KEY: "AKIATEST" });
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      await place.run("feed", "create", "web", "--type", "asset");
      const at = (endpoint = "") => [
        "s3",
        "--bucket",
        "web",
        "--endpoint",
        endpoint,
        "--region",
        "eu-west-1",
        "--path-style",
      ];
      const keys = ["--access-key", "env:KEY", "--secret-key", "env:KEY"];
      const { endpoint } = server.config("web");
      const set = async (...args: string[]) => place.run("store", "set", "web", ...args);

      const unasked = await set(...at(endpoint), "--profile", "feedctl-no-such-profile");
      assert.match(
        unasked.stderr,
        /saved without asking the store: cannot get credentials .*"feedctl-no-such-profile"/,
      );
      await set(...at(endpoint), ...keys);
      writeFileSync(place.path("file"), "file");
      await place.run("asset", "upload", "web", place.path("file"));

      const renamed = endpoint?.replace("127.0.0.1", "localhost");
      const outcome = async (address: string | undefined) =>
        ((await set(...at(address), ...keys, "--json")).json() as { outcome: string }).outcome;
      for (const address of [renamed, endpoint]) {
        assert.equal(await outcome(address), "unchanged", "the same place under another address");
        await place.run("verify", "web", "--read");
      }

      // a copy has the marker, too, and is another place
      for (const [name, { body }] of server.objects) copy.put(name, body);
      assert.equal(await outcome(copy.config("web").endpoint), "changed");
    },
  );

  database.test("stores a blob as the options demand before it is saved", async (t) => {
    const refusal = (code: string) => ({ status: 400, body: `<Error><Code>${code}</Code></Error>` });
    await using server = await startFlatS3(({ method, headers }) => {
      if (method !== "PUT") return undefined;
      if (headers["x-amz-acl"] !== undefined) return refusal("AccessControlListNotSupported");
      return headers["x-amz-storage-class"] === "COLD" ? refusal("InvalidStorageClass") : undefined;
    });
    const { endpoint = "" } = server.config("packages");
    await using place = await database.install({ KEY: "AKIATEST" });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    await place.run("feed", "create", "web", "--type", "asset");
    const set = (code: number, ...options: string[]) =>
      place.exits(
        code,
        ..."store set web s3 --bucket packages --path-style --access-key env:KEY --secret-key env:KEY".split(" "),
        "--endpoint",
        endpoint,
        ...options,
      );
    for (const [options, message] of [
      [
        ["--make-public"],
        /error: nothing was saved: .*the bucket does not allow ACLs.*\nhint: leave out --make-public/,
      ],
      [["--storage-class", "COLD"], /error: nothing was saved: .*does not know this storage class/],
    ] as const) {
      assert.match((await set(2, ...options)).stderr, message);
      assert.partialDeepStrictEqual((await place.run("store", "show", "web", "--json")).json(), { type: "disk" });
    }
    await set(0, "--storage-class", "WARM");
    assert.deepEqual([...server.objects.keys()], [], "the probe is removed");
    await set(0, "--make-public", "--no-check");
  });
});
