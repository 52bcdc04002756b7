import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OptionTable } from "../../src/stores/descriptor.ts";
import { findProvider, optionsOf, providers, requireProvider, type Provider } from "../../src/stores/providers.ts";
import { parseOptions } from "../../src/stores/shared/parse-options.ts";
import { hasCode } from "./contract/put.ts";

const where = 'the store profile "x" in the configuration file /etc/feedctl.config.yaml';

/** The fewest options that `parse` accepts. */
function least(provider: Provider): Record<string, string> {
  const needed = optionsOf(provider).filter(([, { required }]) => required);
  return Object.fromEntries(needed.map(([property]) => [property, "value"]));
}

for (const provider of providers) {
  const { type } = provider;
  const own = optionsOf(provider);
  const fails = (values: unknown, ...words: string[]) =>
    assert.throws(
      () => provider.parse(values, where),
      (error: Error) => {
        hasCode("usage")(error);
        for (const word of [where, ...words]) assert.ok(error.message.includes(word), `${word}: ${error.message}`);
        return true;
      },
    );

  describe(`the ${type} descriptor`, () => {
    test("parses valid options, by property and by flag", () => {
      assert.deepEqual(provider.parse({ ...least(provider), type }, where), { ...least(provider), type });
      for (const [property, { flag, value }] of own) {
        const given = value === undefined ? true : "value";
        const rest = least(provider);
        delete rest[property];
        assert.deepEqual(provider.parse({ ...rest, [flag]: given }, where), { ...rest, [property]: given, type });
      }
    });
    test("names the file and the key of a value that is missing, unknown or of the wrong type", () => {
      for (const [property, { required, value }] of own) {
        const rest = least(provider);
        delete rest[property];
        if (required) fails(rest, `"${property}"`);
        if (required) fails({ ...rest, [property]: "" }, `"${property}"`);
        for (const wrong of [5, null, ["value"], { ref: "env:X" }, value === undefined ? "yes" : true])
          fails({ ...least(provider), [property]: wrong }, `"${property}"`);
      }
      fails({ ...least(provider), colour: "blue" }, `"colour"`);
      for (const wrong of ["text", null, ["bucket"], 7]) fails(wrong, "object");
    });
    test("does not show a value, which may be a secret in the wrong option", () => {
      const [property = ""] = own.find(([, { value }]) => value !== undefined) ?? [];
      assert.throws(
        () => provider.parse({ ...least(provider), [property]: ["S3CRET"] }, where),
        (error: Error) => !error.message.includes("S3CRET"),
      );
    });
    test("has a location URL whose options exist, or is a path", () => {
      const names = own.map(([property]) => property);
      assert.ok(names.includes(provider.pathOption));
      assert.equal(provider.url === undefined, provider.isLocal);
      if (provider.url !== undefined) assert.ok(names.includes(provider.url.property));
    });
    test("is found by its type", () => {
      assert.equal(findProvider(type), provider);
      assert.equal(requireProvider(type), provider);
    });
  });
}

test("a flag has the same property, type and secrecy in every store type", () => {
  const seen = new Map<string, string>();
  for (const [property, { flag, value, secret }] of providers.flatMap(optionsOf)) {
    const kind = JSON.stringify([property, value, secret ?? false]);
    assert.equal(seen.get(flag) ?? kind, kind, `--${flag}`);
    seen.set(flag, kind);
  }
});

test("no URL scheme belongs to two store types", () => {
  const schemes = providers.flatMap(({ url }) => url?.schemes ?? []);
  assert.equal(new Set(schemes).size, schemes.length);
});

test("an unknown store type is a usage error that names the known ones", () => {
  assert.throws(
    () => requireProvider("floppy"),
    (error: { hint?: string }) => hasCode("usage")(error) && /disk, s3/.test(error.hint ?? ""),
  );
});

test("an option that is named by property and by flag at once is refused", () => {
  const values = { targetPath: "a", "target-path": "b" };
  assert.throws(() => parseOptions(requireProvider("s3"), values, where), hasCode("usage"));
});

// Checked by the compiler (`npm run types`): the tables below must not compile.
interface Sample {
  type: "sample";
  bucket: string;
  secure?: boolean | undefined;
}
const bucket = { flag: "bucket", value: "BUCKET", description: "", required: true } as const;
const secure = { flag: "secure", description: "" } as const;
export const complete: OptionTable<Sample> = { bucket, secure };
// @ts-expect-error -- a member without an option
export const forgotten: OptionTable<Sample> = { bucket };
// @ts-expect-error -- an option without a member
export const superfluous: OptionTable<Sample> = { bucket, secure, colour: secure };
export const optional: OptionTable<Sample> = {
  // @ts-expect-error -- a member that cannot be left out is not marked as required
  bucket: { flag: "bucket", value: "BUCKET", description: "" },
  // @ts-expect-error -- a switch with a value
  secure: { flag: "secure", value: "YES", description: "" },
};
