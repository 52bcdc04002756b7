import assert from "node:assert/strict";
import { after, before } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { onDatabases } from "../../support/databases.ts";
import { everyFormat } from "../../support/fixtures/every-format.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { wheel } from "../../support/fixtures/pypi.ts";
import { assertSound, type FileEvent, listed } from "../../support/importing.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";

const tarball = (name: string) => npmTarball({ name, version: "1.0.0" });

onDatabases("adopt what another program wrote", ["PostgreSQL"], (database) => {
  let s3: S3Server;
  let azurite: Azurite;
  before(async () => {
    [s3, azurite] = await Promise.all([startS3(), startAzurite()]);
    await s3.createBucket("proget");
  });
  after(() => Promise.all([s3.stop(), azurite.stop()]));

  const s3Store = (path: string) => [
    "s3",
    "--bucket",
    "proget",
    "--target-path",
    path,
    "--endpoint",
    s3.endpoint,
    "--path-style",
    "--access-key",
    s3.accessKey,
    "--secret-key",
    s3.secretKey,
  ];
  const put = async (prefix: string, objects: Record<string, string | Buffer>) => {
    for (const [name, body] of Object.entries(objects))
      await s3.client.putObject({ Bucket: "proget", Key: `${prefix}/${name}`, Body: Buffer.from(body) });
  };

  database.test("in S3: escaped and lower-cased names, folder markers, twins", async (_t, place) => {
    await put("npm", {
      "": "",
      "!40acme/": "",
      "!40acme/thing/thing-1.0.0.tgz": tarball("@acme/Thing"),
      "plain/plain-1.0.0.tgz": tarball("plain"),
      // the same file under its plain name, written after ProGet stopped escaping
      "!40acme/twin-1.0.0.tgz": tarball("@acme/twin"),
      "@acme/twin-1.0.0.tgz": tarball("@acme/twin"),
    });
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("store", "set", "web", ...s3Store("npm"));
    const events = (await place.exits(3, "adopt", "web", "--json")).events();
    assert.partialDeepStrictEqual(events.at(-1), { adopted: 3, conflicts: 1, invalid: 0, failed: 0 });
    const conflict = events.find((event) => event["status"] === "conflict") as unknown as FileEvent;
    assert.equal(conflict.file, "!40acme/twin-1.0.0.tgz");
    assert.match(conflict.reason ?? "", /at @acme\/twin-1\.0\.0\.tgz/);
    const keys = (await listed(place, "web")).map(({ files }) => files[0]!.key).toSorted();
    assert.deepEqual(keys, ["!40acme/thing/thing-1.0.0.tgz", "@acme/twin-1.0.0.tgz", "plain/plain-1.0.0.tgz"]);
    const verified = (await place.exits(3, "verify", "web", "--read", "--json")).summary();
    assert.partialDeepStrictEqual(verified, { match: 3, differ: 0, missingBlob: 0, missingRow: 1 });
    await place.run("package", "download", "web", "@acme/twin", "--output", place.path("twin.tgz"));
  });

  database.test("in S3: a wheel whose name is escaped, and a pom beside its jar", async (_t, place) => {
    await put("py", { "pkg/widget-1.0!2Blocal-py3-none-any.whl": wheel({ name: "widget", version: "1.0+local" }) });
    const maven = Object.entries(everyFormat.maven).map(([name, body]) => [`some/where/${name}`, body]);
    await put("mvn", Object.fromEntries(maven) as Record<string, Buffer>);
    for (const [feed, type, path, count] of [
      ["py", "pypi", "py", 1],
      ["mvn", "maven", "mvn", 2],
    ] as const) {
      await place.run("feed", "create", feed, "--type", type);
      await place.run("store", "set", feed, ...s3Store(path));
      const { stdout } = await place.run("adopt", feed, "--json");
      assert.partialDeepStrictEqual(JSON.parse(stdout.trim().split("\n").at(-1)!), { adopted: count, invalid: 0 });
      await assertSound(place, feed, count);
    }
    assert.equal((await listed(place, "py"))[0]?.version, "1.0+local");
  });

  database.test(
    "in Azure: names with a leading slash are counted, with a hint how to adopt them",
    async (_t, place) => {
      const container = await azurite.createContainer("proget");
      for (const name of ["/a/a-1.0.0.tgz", "/b.tgz", "c.tgz"]) {
        const bytes = tarball(name === "c.tgz" ? "c" : "other");
        await container.getBlockBlobClient(name).upload(bytes, bytes.length);
      }
      await place.run("feed", "create", "web", "--type", "npm");
      const options = ["--container", "proget", "--connection-string", azurite.connectionString];
      await place.run("store", "set", "web", "azure", ...options);
      const { stdout, stderr } = await place.exits(3, "adopt", "web", "--json");
      const events = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as FileEvent);
      assert.partialDeepStrictEqual(events.at(-1), { adopted: 1, invalid: 2, leadingSlash: 2 });
      assert.match(stderr, /the names of 2 blobs begin with a slash/);
      assert.deepEqual(
        events
          .filter(({ status }) => status === "invalid")
          .map(({ file }) => file)
          .toSorted(),
        ["/a/a-1.0.0.tgz", "/b.tgz"],
      );
    },
  );
});
