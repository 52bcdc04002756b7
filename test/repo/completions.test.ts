import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../support/build.ts";
import { feedctl } from "../support/feedctl.ts";

const files = { bash: "feedctl.bash", zsh: "_feedctl", fish: "feedctl.fish", powershell: "feedctl.ps1" };
for (const [shell, file] of Object.entries(files)) {
  test(`completions/${file} is what "feedctl completion ${shell}" prints; if not: npm run completions`, async () => {
    const { code, stdout } = await feedctl(["completion", shell]);
    assert.equal(code, 0);
    assert.equal(readFileSync(join(repository, "completions", file), "utf8"), stdout);
  });
}
