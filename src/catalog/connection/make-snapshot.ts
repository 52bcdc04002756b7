// Run by `npm run build`: a migrated, empty embedded catalog as one file, so that a first use skips initdb.
import { writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import type { Catalog } from "./catalog.ts";
import { Kysely, PGliteDialect } from "kysely";
import { ownFile } from "../../lib/own-file.ts";
import { migrateCatalog } from "./migrate.ts";
import type { Tables } from "../schema/core.ts";

const target = ownFile("catalog-snapshot.tar.gz");
const pglite = await PGlite.create();
const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) }).withSchema("feedctl");
const catalog: Catalog = {
  kind: "pglite",
  location: "memory",
  db,
  lock: async () => ({ proofs: [], async assertHeld() {}, async [Symbol.asyncDispose]() {} }),
  script: async (text) => (await pglite.exec(text)).at(-1)?.rows ?? [],
  async [Symbol.asyncDispose]() {},
};
await migrateCatalog(catalog);
await pglite.exec("checkpoint");
const dump = await pglite.dumpDataDir("gzip");
await writeFile(target, Buffer.from(await dump.arrayBuffer()));
await pglite.close();
