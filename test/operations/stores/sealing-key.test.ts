// The key that seals every secret: who may read its file, and what a passphrase is worth to the thief of a catalog.
import assert from "node:assert/strict";
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type Installation, onEachDatabase } from "../../support/databases.ts";

const NOBODY = 65534;
const SECRET = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYEXAMPLEKEY";
/** A server that refuses connections: status 7 shows that the secret was opened. */
const place = ["s3", "--bucket", "b", "--region", "r", "--endpoint", "http://127.0.0.1:9", "--path-style"];
const store = [...place, "--access-key", "env:ID", "--secret-key", SECRET];

async function sealedIn(installation: Installation): Promise<string> {
  const [row] = await installation.rows(
    "select options->'secretKey'->>'sealed' as sealed from feedctl.stores where role = 'current'",
  );
  return String(row?.["sealed"]);
}

onEachDatabase("the sealing key", (database) => {
  database.testOnServer("lies in a file that only its user may read, or is not used", async (t) => {
    if (process.platform === "win32") return t.skip("Windows has no permission bits");
    await using feeds = await database.install({ ID: "AKIATEST" });
    if (feeds === undefined) return t.skip(`no ${database.name} on this machine`);
    await feeds.run("feed", "create", "web", "--type", "npm");
    await feeds.run("store", "set", "web", "--no-check", ...store);
    const file = feeds.path("data", "key");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, "utf8"), /^[0-9a-f]{64}\n$/);
    for (const mode of [0o644, 0o640, 0o620, 0o604]) {
      chmodSync(file, mode);
      const sealing = await feeds.exits(6, "store", "set", "web", "--no-check", ...store);
      assert.match(
        sealing.stderr,
        /error: the key file .* is not used: others may (read|write) it \(mode 0\d+\)\nhint: /,
      );
      assert.match((await feeds.exits(6, "store", "test", "web")).stderr, /the key file .* is not used/);
    }
    chmodSync(file, 0o400);
    await feeds.exits(7, "store", "test", "web");
    chmodSync(file, 0o600);
    writeFileSync(file, "\n");
    if (process.getuid?.() !== 0) return t.diagnostic("skipped in part: only root can give a file to another user");
    assert.match((await feeds.exits(6, "store", "test", "web")).stderr, /holds no key/);
    chownSync(file, NOBODY, NOBODY);
    assert.match((await feeds.exits(6, "store", "test", "web")).stderr, /it belongs to another user/);
  });

  database.test("is derived from a passphrase with scrypt, and a weak one is named", async (t) => {
    await using feeds = await database.install({ ID: "AKIATEST", FEEDCTL_KEY: "hunter2" });
    if (feeds === undefined) return t.skip(`no ${database.name} on this machine`);
    await feeds.run("feed", "create", "web", "--type", "npm");
    const { stderr } = await feeds.run("store", "set", "web", "--no-check", ...store);
    assert.match(
      stderr,
      /warning: the passphrase in FEEDCTL_KEY is weak: it has only 7 characters; .*openssl rand -hex 32/,
    );
    assert.match(await sealedIn(feeds), /^v2\./);
    await feeds.exits(7, "store", "test", "web");
    const [salt] = await feeds.rows("select salt from feedctl.key_salt");
    await feeds.run("store", "set", "web", "--no-check", ...store);
    assert.deepEqual(await feeds.rows("select salt from feedctl.key_salt"), [salt]);
    const other = await feeds.feedctl(["store", "test", "web"], { env: { FEEDCTL_KEY: "another passphrase" } });
    assert.match(other.stderr, /does not prove itself: it was changed by another program, or sealed with another key/);
    assert.equal(other.code, 6);
  });

  database.testOnServer("seals anew what an earlier version sealed with the hash of a passphrase", async (t) => {
    const passphrase = "correct horse battery staple";
    await using feeds = await database.install({ ID: "AKIATEST", FEEDCTL_KEY: passphrase });
    if (feeds === undefined) return t.skip(`no ${database.name} on this machine`);
    await feeds.run("feed", "create", "web", "--type", "npm");
    const { stderr } = await feeds.run("store", "set", "web", "--no-check", ...store);
    assert.doesNotMatch(stderr, /weak/);
    const old = sealedBefore(passphrase, SECRET);
    await feeds.rows(
      `update feedctl.stores set options = jsonb_set(options, '{secretKey,sealed}', '"${old}"'), seal = null`,
    );
    await feeds.rows(listAsUnsealed);
    await feeds.exits(7, "store", "test", "web");
    const fresh = await sealedIn(feeds);
    assert.match(fresh, /^v2\./);
    await feeds.exits(7, "store", "test", "web");
    assert.equal(await sealedIn(feeds), fresh);
  });
});

/** What the migration of the schema does with the stores that it finds. */
const listAsUnsealed = `insert into feedctl.unsealed_stores (store_id, digest)
  select id, encode(sha256(convert_to(jsonb_build_array(feed_id, type, options, location)::text, 'UTF8')), 'hex')
  from feedctl.stores`;

/** What feedctl 0.1.0 wrote: AES-256-GCM under the SHA-256 of the passphrase. */
function sealedBefore(passphrase: string, text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", createHash("sha256").update(passphrase).digest(), nonce);
  const body = Buffer.concat([cipher.update(text), cipher.final()]);
  return ["v1", ...[nonce, cipher.getAuthTag(), body].map((part) => part.toString("base64url"))].join(".");
}
