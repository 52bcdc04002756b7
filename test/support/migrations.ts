import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext } from "node:test";
import { type Azurite, startAzurite } from "./azurite.ts";
import { type Installation, onDatabases, type TestDatabase } from "./databases.ts";
import { writePackages } from "./package-set.ts";
import { type S3Server, startS3 } from "./s3-server.ts";
import { isBlobName } from "./store-files.ts";

/** An installation with its own bucket and container. */
export interface MigrationPlace extends Installation {
  readonly s3: S3Server;
  readonly bucket: string;
  /** `s3` and the options for the bucket, after `--to`. */
  toS3(options?: { path?: string; endpoint?: string }): string[];
  toAzure(): string[];
}

export type MigrationTest = (
  name: string,
  body: (place: MigrationPlace, t: TestContext, servers: { azurite: Azurite | undefined }) => Promise<void>,
) => void;

let count = 0;

/** Registers tests of migrations with an S3 server, and with Azurite if `azure` is set. */
export function describeMigrations(
  title: string,
  options: { databases?: TestDatabase["name"][]; azure?: boolean; concurrency?: number },
  register: (test: MigrationTest, database: TestDatabase) => void,
): void {
  const { databases = ["PostgreSQL"], azure = false, concurrency } = options;
  let s3: S3Server;
  let azurite: Azurite | undefined;
  describe(title, () => {
    before(async () => {
      [s3, azurite] = await Promise.all([startS3(), azure ? startAzurite() : undefined]);
    });
    after(() => Promise.all([s3.stop(), azurite?.stop()]));
    const each = (database: TestDatabase) => {
      register((name, body) => {
        database.test(name, async (t) => {
          await using place = await preparePlace(database, s3, azurite);
          if (place === undefined) return t.skip(`no ${database.name} on this machine`);
          await body(place, t, { azurite });
        });
      }, database);
    };
    onDatabases(title, databases, each, { concurrency });
  });
}

async function preparePlace(
  database: Pick<TestDatabase, "install">,
  s3: S3Server,
  azurite: Azurite | undefined,
): Promise<MigrationPlace | undefined> {
  const bucket = `migrate-${process.pid}-${++count}`;
  await Promise.all([s3.createBucket(bucket), azurite?.createContainer(bucket)]);
  const place = await database.install({
    TEST_ACCESS_KEY: s3.accessKey,
    TEST_SECRET_KEY: s3.secretKey,
    TEST_CONNECTION: azurite?.connectionString ?? "",
  });
  if (place === undefined) return undefined;
  const keys = ["--access-key", "env:TEST_ACCESS_KEY", "--secret-key", "env:TEST_SECRET_KEY"];
  return {
    ...place,
    s3,
    bucket,
    toS3: ({ path = "", endpoint = s3.endpoint } = {}) => {
      const where = ["--bucket", bucket, "--target-path", path, "--endpoint", endpoint, "--path-style"];
      return ["s3", ...where, ...keys];
    },
    toAzure: () => ["azure", "--container", bucket, "--connection-string", "env:TEST_CONNECTION"],
  };
}

/** A feed `web` of `packages` npm packages in the directory `first`. */
export async function prepare(place: Installation, packages: number): Promise<void> {
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("first"));
  if (packages > 0) await place.run("import", "web", ...writePackages(place.path("in"), packages));
}

/** All rows of the packages, without store tags and verification times, which depend on the store. */
export const dump = (place: Installation) =>
  place.rows(`select to_jsonb(p) as package, to_jsonb(v) as version, to_jsonb(f) - 'store_tag' - 'verified_at' as file
    from feedctl.packages p join feedctl.versions v on v.package_id = p.id join feedctl.files f on f.version_id = v.id order by f.id`);

/** Gives the versions values that are not in package files: dates, people, numbers and flags. */
export async function makePersonal(place: Installation): Promise<void> {
  await place.rows(`update feedctl.versions set published_at = '2019-03-01T12:34:56.789123Z'::timestamptz + id * interval '1 day',
    published_by = 'user ' || id, downloads = id * 1000, listed = id % 2 = 0, deprecated = id % 3 = 0,
    deprecation_reason = case when id % 3 = 0 then 'use Ü instead' end, allowed = case id % 3 when 0 then true when 1 then false end,
    last_used_at = '2020-02-29T00:00:00.000001Z'::timestamptz`);
}

/** Asserts that every row has a blob with the right bytes, and every blob a row. */
export async function sound(place: Installation, match: number, change: Record<string, number> = {}): Promise<void> {
  const verified = (await place.any("verify", "web", "--read", "--json")).summary();
  assert.partialDeepStrictEqual(verified, { match, differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0, ...change });
}

/** Runs `migrate run web --to ...` and returns its last event. */
export async function migrate(place: Installation, code: number, ...to: string[]): Promise<Record<string, unknown>> {
  return (await place.exits(code, "migrate", "run", "web", "--to", ...to, "--json")).events().at(-1)!;
}

export function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && isBlobName(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

export async function keysIn(place: MigrationPlace): Promise<string[]> {
  const keys: string[] = [];
  for (let token: string | undefined; ;) {
    const page = await place.s3.client.listObjectsV2({ Bucket: place.bucket, ContinuationToken: token });
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key!).filter(isBlobName));
    token = page.NextContinuationToken;
    if (token === undefined) return keys;
  }
}

/** The feed's newest migration. */
export async function statusOf(place: Installation): Promise<Record<string, unknown> | undefined> {
  return ((await place.run("migrate", "status", "web", "--json")).json() as Record<string, unknown>[])[0];
}

/** The environment of another machine of the installation: a data directory of its own, and the same key. */
export function machine(place: MigrationPlace, name: string): Record<string, string> {
  return { FEEDCTL_DATA_DIR: place.path(name), FEEDCTL_KEY_FILE: join(place.data, "key") };
}
