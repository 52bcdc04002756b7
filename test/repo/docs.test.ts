import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Azurite, startAzurite } from "../support/azurite.ts";
import { repository } from "../support/build.ts";
import { parseDocPage } from "../support/doc-page.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { type S3Server, startS3 } from "../support/s3-server.ts";
import { checkDocPage } from "../support/session.ts";

const guides = readdirSync(join(repository, "docs")).filter((name) => name.endsWith(".md"));
const pages = ["README.md", ...guides.map((name) => `docs/${name}`)]
  .map((name) => ({ name, file: join(repository, name) }))
  .map((page) => ({ ...page, session: parseDocPage(readFileSync(page.file, "utf8")) }))
  .filter(({ session }) => session.steps.length > 0);

const noShell = process.platform === "win32" ? "there is no POSIX shell on Windows" : false;

suite("the sessions in the documentation are what feedctl does", { concurrency: 2 }, () => {
  let postgres: TestPostgres | undefined;
  let s3: S3Server | undefined;
  let azurite: Azurite | undefined;
  before(async () => {
    const wanted = new Set(pages.flatMap(({ session }) => session.servers));
    postgres = await startPostgres();
    if (wanted.has("s3")) await (s3 = await startS3()).createBucket("packages");
    if (wanted.has("azure")) await (azurite = await startAzurite()).createContainer("packages");
  });
  after(() => Promise.all([postgres?.stop(), s3?.stop(), azurite?.stop()]));

  for (const { name, file, session } of pages) {
    test(name, { skip: noShell }, async () => {
      const env: Record<string, string> = {};
      const places = new Map<string, string>();
      const url = await postgres?.createDatabase();
      if (url !== undefined) env["FEEDCTL_DATABASE_URL"] = url;
      if (session.servers.includes("s3") && s3 !== undefined) {
        places.set("https://s3.example.com", s3.endpoint);
        Object.assign(env, { S3_KEY: s3.accessKey, S3_SECRET: s3.secretKey });
      }
      if (session.servers.includes("azure") && azurite !== undefined) env["AZURE_STORAGE"] = azurite.connectionString;
      await checkDocPage(file, { env, places });
    });
  }
});
