import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";
import { s3Cannot } from "../../support/s3-abilities.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";
import { uniqueName } from "../../support/shared-servers.ts";

// They have the providers' form, so that no format check refuses them before they are used.
const wrongSecret = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYWRONGSECRET";
const wrongKey = Buffer.from("a wrong account key, as long as a real one is: 64 bytes, really").toString("base64");

onEachDatabase("secrets", (database) => {
  let s3: S3Server;
  let azurite: Azurite;
  const bucket = uniqueName("secrets");
  before(async () => {
    [s3, azurite] = await Promise.all([startS3(), startAzurite()]);
    await Promise.all([s3.createBucket(bucket), azurite.createContainer(bucket)]);
  });
  after(() => Promise.all([s3.stop(), azurite.stop()]));

  database.test("appear nowhere: not in output, errors, debug output, nor in the catalog", async (t) => {
    const accountKey = /AccountKey=([^;]+)/.exec(azurite.connectionString)![1]!;
    const wrongConnection = azurite.connectionString.replace(accountKey, wrongKey);
    const env = { FROM_ENV: wrongSecret, CONNECTION: wrongConnection, GOOD_CONNECTION: azurite.connectionString };
    await using place = await database.install({ ...env, FEEDCTL_DEBUG: "1" });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    // On a server that accepts every secret only the output is checked, not the exit status.
    const unchecked = s3Cannot("check credentials");
    const denied = unchecked ? undefined : 6;
    if (unchecked) t.diagnostic(`skipped in part: ${unchecked}`);
    const secrets = [wrongSecret, s3.secretKey, wrongKey, accountKey];
    const said: string[] = [];
    const say = async (code: number | undefined, ...args: string[]) => {
      // Opening the embedded catalog is slow.
      const forms = database.name === "embedded" ? [["--json", "--verbose"]] : [[], ["--json"], ["--verbose"]];
      for (const form of forms) {
        const result = await place.any(...args, ...form);
        if (code !== undefined) assert.equal(result.code, code, result.stdout + result.stderr);
        said.push(result.stdout, result.stderr);
      }
      return said.join("\n");
    };
    await place.run("feed", "create", "web", "--type", "npm");
    const at = ["s3", "--bucket", bucket, "--endpoint", s3.endpoint, "--path-style", "--access-key", s3.accessKey];
    const azure = ["azure", "--container", bucket, "--connection-string"];
    writeFileSync(place.path("secret.txt"), `${wrongSecret}\n`);
    const packages = writePackages(place.path("in"), 1);

    assert.match(
      await say(0, "store", "set", "web", "--no-check", ...at, "--secret-key", wrongSecret),
      /visible in the process list/,
    );
    assert.match(await say(0, "store", "show", "web"), /"?secretKey"?: ?"?\(sealed\)/);
    await say(denied, "store", "test", "web");
    for (const reference of ["env:FROM_ENV", `file:${place.path("secret.txt")}`]) {
      await say(0, "store", "set", "web", "--no-check", ...at, "--secret-key", reference);
      assert.ok((await say(0, "store", "show", "web")).includes(reference));
      await say(denied, "store", "test", "web");
      await say(denied, "verify", "web");
      await say(denied, "import", "web", ...packages);
      await say(denied, "store", "usage", "web");
    }
    await say(denied, "migrate", "run", "web", "--to", "disk", "--path", place.path("disk"));
    await say(0, "store", "set", "web", "--no-check", ...azure, wrongConnection);
    await say(6, "store", "test", "web");
    await say(6, "store", "usage", "web");
    await say(2, "store", "set", "web", ...azure, `AccountKey=${wrongKey};nonsense`);
    await say(undefined, "store", "set", "web", "--no-check", ...azure, "env:CONNECTION");
    await say(6, "store", "test", "web");
    await say(0, "store", "set", "web", ...at, "--secret-key", s3.secretKey);
    await say(0, "store", "test", "web");
    await say(0, "import", "web", ...packages);
    await say(0, "migrate", "run", "web", "--to", ...azure, azurite.connectionString);
    await say(0, "feed", "show", "web");

    await place.run("store", "set", "web", "--no-check", ...at, "--secret-key", wrongSecret);
    // Finally without the sealing key: the error must not show what could not be opened.
    writeFileSync(place.path("data", "key"), "another key\n");
    assert.match(await say(6, "store", "test", "web"), /does not prove itself/);

    for (const secret of spellings(secrets)) assert.ok(!said.join("\n").includes(secret), `${secret} was shown`);
    const stored = await catalogText(place);
    assert.ok(stored.includes("sealed"), "the search covered the right place");
    for (const secret of spellings(secrets)) assert.ok(!stored.includes(secret), `${secret} is in the catalog`);
  });
});

/** The secret as typed, and as encoded in JSON, URLs and base64. */
function spellings(secrets: readonly string[]): string[] {
  const forms = (text: string) => [
    text,
    encodeURIComponent(text),
    Buffer.from(text).toString("base64"),
    text.replaceAll("/", "\\/"),
  ];
  return secrets.flatMap(forms);
}

/** Every row of every table, and with the embedded catalog every byte of its files. */
async function catalogText(place: Installation): Promise<string> {
  const tables = await place.rows(
    "select table_name as name from information_schema.tables where table_schema = 'feedctl'",
  );
  assert.ok(tables.length > 8);
  // one query: each query opens the embedded catalog anew
  const rows = tables.map(({ name }) => `select to_jsonb(t)::text as row from feedctl.${String(name)} t`);
  const parts = [JSON.stringify(await place.rows(rows.join(" union all ")))];
  for (const entry of readdirSync(place.data, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.parentPath.includes("catalog"))
      parts.push(readFileSync(join(entry.parentPath, entry.name), "latin1"));
  }
  return parts.join("\n");
}
