import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { onDatabases } from "../../support/databases.ts";
import { startFlatS3 } from "../../support/flat-s3.ts";

const HOUR = 3_600_000;
const NAMES = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

onDatabases("a signed URL", ["PostgreSQL"], (database) => {
  const skip = process.platform === "win32" && "the program is a shell script";
  database.test("is not said to outlive the session that signed it", async (t, place) => {
    if (skip) return t.skip(skip);
    const earlier = NAMES.map((name) => [name, process.env[name]] as const);
    t.after(() => {
      for (const [name, value] of earlier) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });
    for (const name of NAMES) process.env[name] = place.path("aws");
    const end = new Date(Math.floor(Date.now() / 1000) * 1000 + 2 * HOUR).toISOString();
    const sessions = { told: `,"SessionToken":"t","Expiration":"${end}"`, untold: `,"SessionToken":"t"`, none: "" };
    const profiles = Object.entries(sessions).map(([name, more]) => {
      const program = place.path(`${name}.sh`);
      writeFileSync(program, `#!/bin/sh\necho '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"${more}}'\n`);
      chmodSync(program, 0o700);
      return `[profile ${name}]\ncredential_process = ${program}\n`;
    });
    writeFileSync(place.path("aws"), profiles.join(""));
    await using server = await startFlatS3(() => undefined);
    await place.run("feed", "create", "web", "--type", "asset");
    writeFileSync(place.path("file"), "file");

    const { endpoint = "" } = server.config("web");
    const at = ["s3", "--bucket", "web", "--endpoint", endpoint, "--region", "eu-west-1", "--path-style"];
    const url = async (profile: string, expires: string) => {
      await place.run("store", "set", "web", ...at, "--profile", profile);
      await place.run("asset", "upload", "web", place.path("file"));
      const { stderr, json } = await place.run("asset", "url", "web", "file", "--expires", expires, "--json");
      const made = json() as { expires: string };
      return { stderr, left: Date.parse(made.expires) - Date.now(), expires: made.expires };
    };

    const cut = await url("told", "7d");
    assert.equal(new Date(cut.expires).toISOString(), end);
    assert.match(cut.stderr, /the URL works until .* only: the session/);
    const within = await url("told", "1h");
    assert.equal(within.stderr, "");
    assert.ok(within.left <= HOUR);
    assert.match((await url("untold", "7d")).stderr, /temporary credentials.*their end is not known/);
    const lasting = await url("none", "7d");
    assert.equal(lasting.stderr, "");
    assert.ok(lasting.left > 6 * 24 * HOUR);
  });
});
