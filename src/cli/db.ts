import { Command, type CommandUnknownOpts } from "commander";
import type { Edge } from "./frame/edge.ts";
import type { CatalogReadyResult, CatalogStatusResult } from "./results/schemas/installation.ts";

export function initCommand(edge: Edge): CommandUnknownOpts {
  return new Command("init").description("set up the catalog; safe to run again").action(async (_options, command) =>
    edge.act<CatalogReadyResult>(command, async (context, out) => {
      const { initCatalog } = await import("../operations/installation/init.ts");
      const { catalogReadyResult } = await import("./results/installation.ts");
      const made = await initCatalog(context, { create: true });
      await out.result(catalogReadyResult(made), `the catalog is ready: ${made.location}`);
    }),
  );
}

export function dbCommand(edge: Edge): CommandUnknownOpts {
  const db = new Command("db").description("manage the catalog's database");

  db.command("status")
    .description("show where the catalog is and whether its schema is up to date")
    .action(async (_options, command) =>
      edge.act<CatalogStatusResult>(command, async (context, out) => {
        const { catalogStatus } = await import("../operations/installation/init.ts");
        const { catalogStatusResult } = await import("./results/installation.ts");
        const status = await catalogStatus(context);
        const state =
          status.version === status.newest
            ? "up to date"
            : status.version > status.newest
              ? "newer than this feedctl"
              : "needs: feedctl db migrate";
        await out.result(catalogStatusResult(status), [
          `kind:     ${status.kind}`,
          `location: ${status.location}`,
          `server:   ${status.server}`,
          `schema:   ${status.version} of ${status.newest} (${state})`,
        ]);
      }),
    );

  db.command("migrate")
    .description("bring the catalog's schema up to date")
    .action(async (_options, command) =>
      edge.act<CatalogReadyResult>(command, async (context, out) => {
        const { initCatalog } = await import("../operations/installation/init.ts");
        const { catalogReadyResult } = await import("./results/installation.ts");
        const made = await initCatalog(context, { create: false });
        await out.result(
          catalogReadyResult(made),
          made.applied.length > 0 ? `applied ${made.applied.join(", ")}` : "nothing to do",
        );
      }),
    );

  return db;
}
