import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { suite, test } from "node:test";
import fc from "fast-check";
import npm from "semver";
import { isFeedctlError } from "../../../src/errors.ts";
import { bracketRange } from "../../../src/versions/ranges/bracket-range.ts";
import { debian } from "../../../src/versions/debian.ts";
import { gem } from "../../../src/versions/gem.ts";
import type { RangeSyntax } from "../../../src/versions/ranges/interval.ts";
import { maven } from "../../../src/versions/maven.ts";
import { nuget } from "../../../src/versions/nuget.ts";
import { pep440Range } from "../../../src/versions/ranges/pep440-range.ts";
import { pep440 } from "../../../src/versions/pep440.ts";
import { relationRange, rpmEqualUpTo, rubyPessimistic } from "../../../src/versions/ranges/relation-range.ts";
import { rpm } from "../../../src/versions/rpm.ts";
import type { VersionScheme } from "../../../src/versions/scheme.ts";
import { cargoRange, npmRange, semver } from "../../../src/versions/semver.ts";
import { randomly } from "../../support/effort.ts";
import { PATIENCE } from "../../support/wait.ts";

/** Matches as the catalog does: by sort key and the prerelease flag. */
function holds(syntax: RangeSyntax, scheme: VersionScheme, range: string, version: string): boolean {
  const key = scheme.sortKey(version);
  return syntax.parse(range).some(({ from, to, stableOnly }) => {
    const above = from === undefined ? 1 : Buffer.compare(key, from.key);
    const below = to === undefined ? -1 : Buffer.compare(key, to.key);
    const isInside =
      (above > 0 || (above === 0 && from?.included === true)) && (below < 0 || (below === 0 && to?.included === true));
    return isInside && !(stableOnly === true && scheme.isPrerelease(version));
  });
}

const relations = { example: ">= 1" };
const syntaxes = {
  nuget: [bracketRange(nuget), nuget],
  maven: [bracketRange(maven), maven],
  pypi: [pep440Range, pep440],
  debian: [relationRange(debian, { ...relations, doubled: true }), debian],
  rpm: [relationRange(rpm, { ...relations, equalUpTo: rpmEqualUpTo }), rpm],
  gem: [relationRange(gem, { ...relations, pessimistic: rubyPessimistic }), gem],
  npm: [npmRange, semver],
  cargo: [cargoRange, semver],
} as const satisfies Record<string, readonly [RangeSyntax, VersionScheme]>;
type Name = keyof typeof syntaxes;

const tables: [Name, range: string, inside: string[], outside: string[]][] = [
  ["nuget", "[1.0,2.0)", ["1.0", "1.0.0.1", "1.9", "2.0-beta"], ["1.0-rc", "2.0", "2.0.0.0"]],
  ["nuget", "(,1.0]", ["0.1-a", "1.0"], ["1.0.1"]],
  ["nuget", "(1.0,)", ["1.0.1"], ["1.0", "1.0-rc"]],
  ["nuget", "[1.2]", ["1.2", "1.2.0"], ["1.2.0.1"]],
  ["maven", "(,1.0],[1.2,)", ["0.9", "1.0", "1.0.0", "1.2", "7"], ["1.1", "1.2-SNAPSHOT"]],
  ["debian", ">= 1.0, << 2.0", ["1.0-1", "1:0.1~x", "1.9"].slice(0, 1).concat("1.9"), ["1.0~rc1", "2.0", "1:0.1"]],
  ["debian", "= 1.0-1 | >> 2", ["1.0-1", "2.1"], ["1.0-2", "2"]],
  ["rpm", "= 1.0", ["1.0-1", "1.0-99.fc44"], ["1.0.1-1", "1:1.0-1"]],
  ["rpm", "> 1.0", ["1.0.1-1", "1:0.1-1"], ["1.0-99", "1.0~rc1-1"]],
  ["rpm", "<= 1.0", ["1.0-99", "0.1-1"], ["1.0.1-1"]],
  ["rpm", "= 1.0-2", ["1.0-2"], ["1.0-1", "1.0-2.1"]],
  ["gem", "~> 2.2", ["2.2", "2.2.0", "2.99.1", "2.3.a"], ["2.1", "3.0", "3.0.a", "3.a"]],
  ["gem", "~> 2.2.0, != 2.2.5", ["2.2.0", "2.2.9"], ["2.2.5", "2.3", "2.3.0.pre"]],
  ["gem", ">= 1.0, < 2", ["1.0", "2.0.a"], ["2.0", "1.0.a"]],
];

for (const [name, range, inside, outside] of tables)
  test(`${name}: ${range}`, () => {
    const [syntax, scheme] = syntaxes[name];
    for (const version of inside) assert.ok(holds(syntax, scheme, range, version), `${version} is inside`);
    for (const version of outside) assert.ok(!holds(syntax, scheme, range, version), `${version} is outside`);
  });

const refused: [Name, string][] = [
  ...["1.0", "[2.0,1.0]", "(1.0)", "[1.0,2.0", "[1,2,3]", "[a b,2]", "[1.0,2.0)x", "", "1.*"].map(
    (range): [Name, string] => ["nuget", range],
  ),
  ...["", "1.0", ">= ", "> 1", "< 1", "~> 1", ">= 1,, << 2", ">= 1 2"].map((range): [Name, string] => [
    "debian",
    range,
  ]),
  ...[">> 1", "<< 1", ">= 1:2:3"].map((range): [Name, string] => ["rpm", range]),
  ...["", "1.0", ">=1.*", "~=1", "===1.0", ">1.0rc1", "==1.0a1.*", ">=x"].map((range): [Name, string] => [
    "pypi",
    range,
  ]),
  ...["", "one", ">=1 <"].map((range): [Name, string] => ["npm", range]),
  ...["", "1.0 || 2.0", ">=1,"].map((range): [Name, string] => ["cargo", range]),
];

test("what is not a range is refused with a reason, and never matches everything", () => {
  for (const [name, range] of refused)
    assert.throws(
      () => syntaxes[name][0].parse(range),
      (error) => isFeedctlError(error, "usage"),
      `${name} ${JSON.stringify(range)}`,
    );
});

const number = fc.nat(3);
const release = fc.tuple(number, number, number).map((numbers) => numbers.join("."));
const version = fc
  .tuple(release, fc.constantFrom("", "", "-0", "-beta.1", "-beta.2", "-rc"))
  .map(([base, label]) => base + label);

suite("against the ecosystems' own libraries", () => {
  test("npm's ranges contain the versions that npm's library says", () => {
    const comparator = fc.oneof(
      fc
        .tuple(
          fc.constantFrom("", "=", "<", "<=", ">", ">=", "^", "~"),
          fc.oneof(
            version,
            number.map(String),
            fc.tuple(number, number).map((two) => two.join(".")),
          ),
        )
        .map((parts) => parts.join("")),
      fc.constantFrom("*", "1.x", "2.1.x", "1.0.0 - 2.0.0", "1 - 2.1"),
    );
    const range = fc
      .array(
        fc.array(comparator, { minLength: 1, maxLength: 2 }).map((all) => all.join(" ")),
        { minLength: 1, maxLength: 2 },
      )
      .map((all) => all.join(" || "));
    fc.assert(
      fc.property(range, fc.array(version, { minLength: 5, maxLength: 15 }), (text, versions) => {
        fc.pre(npm.validRange(text) !== null);
        for (const each of versions)
          assert.equal(holds(npmRange, semver, text, each), npm.satisfies(each, text), `${each} in ${text}`);
      }),
      randomly(2000),
    );
  });

  test("Cargo's requirements are npm's, except for commas and a version alone", () => {
    for (const [range, same] of [
      ["1.2", "^1.2"],
      ["0.0.3", "^0.0.3"],
      [">=1.0, <2.0", ">=1.0 <2.0"],
      ["=1.2.3", "=1.2.3"],
      ["1.*", "1.x"],
      ["~1.2", "~1.2"],
      ["*", "*"],
    ] as const)
      for (const each of fc.sample(version, 200))
        assert.equal(holds(cargoRange, semver, range, each), npm.satisfies(each, same), `${each} in ${range}`);
  });

  const python = spawnSync("python3", ["-c", "import packaging.specifiers"], { timeout: PATIENCE }).status === 0;
  test(
    "PEP 440's specifiers hold what Python's packaging library says",
    { skip: python ? false : "no python3 with packaging on this machine" },
    () => {
      const pep = fc
        .tuple(
          fc.constantFrom("", "", "", "1!"),
          fc.array(number, { minLength: 1, maxLength: 3 }),
          fc.constantFrom("", "", "a1", "rc2"),
          fc.constantFrom("", "", ".post1", ".post2"),
          fc.constantFrom("", "", ".dev1"),
          fc.constantFrom("", "", "", "+abc.1"),
        )
        .map(([epoch, numbers, pre, post, dev, local]) => `${epoch}${numbers.join(".")}${pre}${post}${dev}${local}`);
      const bare = pep.map((text) => text.replace(/\+.*/, ""));
      const plain = fc.array(number, { minLength: 1, maxLength: 3 }).map((numbers) => numbers.join("."));
      const specifier = fc.oneof(
        fc.tuple(fc.constantFrom(">=", "<=", "==", "!=", "<"), bare).map((parts) => parts.join("")),
        plain.map((text) => `>${text}`),
        fc.tuple(fc.constantFrom("==", "!="), plain).map(([operator, text]) => `${operator}${text}.*`),
        fc.tuple(number, number).map(([major, minor]) => `~=${major}.${minor}`),
        fc.tuple(number, number, number).map((numbers) => `~=${numbers.join(".")}`),
      );
      const cases = fc.sample(
        fc.tuple(
          fc.array(specifier, { minLength: 1, maxLength: 2 }).map((all) => all.join(",")),
          pep,
        ),
        6000,
      );
      const program =
        "import json,sys\nfrom packaging.specifiers import SpecifierSet\nprint(json.dumps([(lambda s: s.contains(v, prereleases=bool(s.prereleases)))(SpecifierSet(r)) for r, v in json.load(sys.stdin)]))";
      const { stdout } = spawnSync("python3", ["-c", program], {
        input: JSON.stringify(cases),
        encoding: "utf8",
        timeout: PATIENCE,
      });
      const answers = JSON.parse(stdout) as boolean[];
      const wrong = cases.filter(([range, each], index) => holds(pep440Range, pep440, range, each) !== answers[index]);
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${cases.length} differ`);
    },
  );
});
