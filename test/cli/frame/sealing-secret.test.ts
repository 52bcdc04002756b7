import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import type { Io } from "../../../src/cli/frame/io.ts";
import { readSealingSecret } from "../../../src/cli/frame/sealing-secret.ts";
import { sandbox } from "../../support/feedctl.ts";

for (const code of ["EPERM", "ENOTSUP", "EINVAL"])
  test(`two first users make one key file where hard links fail with ${code}`, async () => {
    await using place = await sandbox();
    const path = place.path("keys", "key");
    const io = { env: {}, cwd: place.path(), platform: process.platform } as unknown as Io;
    const makeLink = () => Promise.reject(Object.assign(new Error("no links"), { code, syscall: "link" }));
    const [one, two] = await Promise.all([1, 2].map(() => readSealingSecret(io, path, true, makeLink)));
    const text = readFileSync(path, "utf8");
    assert.match(text, /^[0-9a-f]{64}\n$/);
    const keys = [one, two].map(async (secret) => (await secret?.key("v1", Buffer.alloc(0)))?.bytes.toString("hex"));
    assert.deepEqual(await Promise.all(keys), [text.trim(), text.trim()]);
    assert.deepEqual(readdirSync(place.path("keys")), ["key"]);
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o600);
  });
