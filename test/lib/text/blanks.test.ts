import assert from "node:assert/strict";
import { test } from "node:test";
import { trimAscii, trimAsciiEnd, trimUnicode } from "../../../src/lib/text/blanks.ts";
import { cran } from "../../../src/versions/cran.ts";
import { composer } from "../../../src/versions/composer.ts";
import { conda } from "../../../src/versions/conda.ts";
import { debian } from "../../../src/versions/debian.ts";
import { gem } from "../../../src/versions/gem.ts";
import { nuget } from "../../../src/versions/nuget.ts";
import { pep440 } from "../../../src/versions/pep440.ts";
import { pub } from "../../../src/versions/pub.ts";
import { vsix } from "../../../src/versions/vsix.ts";

test("blanks are those of the tools: ASCII, or Unicode's without the byte order mark", () => {
  const ascii = " \t\n\v\f\r";
  assert.equal(trimAscii(`${ascii}a b${ascii}`), "a b");
  assert.equal(trimAsciiEnd(`${ascii}a${ascii}`), `${ascii}a`);
  assert.equal(trimAscii(ascii), "");
  assert.equal(trimUnicode(`${ascii}\u00a0\u2028\u3000a\u0085`), "a");
  for (const odd of ["\ufeff", "\u00a0", "\u2028"]) assert.equal(trimAscii(`${odd}a${odd}`), `${odd}a${odd}`);
  for (const odd of ["\ufeff", "\u200b"]) assert.equal(trimUnicode(`${odd}a`), `${odd}a`);
});

test("a version with invisible characters is refused, unless its tool takes them for blanks", () => {
  const strict = { cran, composer, debian, gem, vsix, pub };
  const unicode = { conda, nuget, pep440 };
  for (const [name, { normalize }] of Object.entries({ ...strict, ...unicode })) {
    assert.notEqual(normalize("1.2.3"), undefined, name);
    for (const odd of ["\ufeff", "\u200b"])
      for (const version of [`${odd}1.2.3`, `1.2${odd}.3`]) assert.equal(normalize(version), undefined, name);
  }
  for (const [name, { normalize }] of Object.entries(strict))
    for (const odd of ["\u00a0", "\u2028"]) assert.equal(normalize(`${odd}1.2.3`), undefined, name);
  for (const [name, { normalize }] of Object.entries(unicode))
    assert.equal(normalize("\u00a01.2.3\u2028"), normalize("1.2.3"), name);
});
