import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Catalog } from "../../src/catalog/connection/catalog.ts";
import { migrateCatalog } from "../../src/catalog/connection/migrate.ts";
import { openPglite } from "../../src/catalog/connection/open-pglite.ts";
import { freshBuild, repository } from "./build.ts";

/** A temporary embedded catalog with the newest schema, open in this process. */
export async function temporaryCatalog(): Promise<{ catalog: Catalog } & AsyncDisposable> {
  await freshBuild();
  const directory = await mkdtemp(join(tmpdir(), "feedctl-test-"));
  const catalog = await openPglite({
    dataDir: directory,
    snapshot: join(repository, "dist", "catalog-snapshot.tar.gz"),
    wait: 0,
  });
  await migrateCatalog(catalog);
  return {
    catalog,
    async [Symbol.asyncDispose]() {
      await catalog[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
