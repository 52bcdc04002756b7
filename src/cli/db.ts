import { Command, type CommandUnknownOpts } from "commander";
import { counted } from "../lib/format-size.ts";
import type { Edge } from "./frame/edge.ts";
import type { CatalogReadyResult, CatalogStatusResult, SequenceResult } from "./results/schemas/installation.ts";

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
          ...(status.lagging.length > 0
            ? [
                `ids:      behind the rows of ${status.lagging.map(({ table }) => table).join(", ")} (needs: feedctl db repair-sequences)`,
              ]
            : []),
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

  db.command("repair-sequences")
    .description("set the sequences that give ids which rows have already, as in a copy that has only the rows")
    .action(async (_options, command) =>
      edge.act<SequenceResult>(command, async (context, out) => {
        const { repairSequences } = await import("../operations/installation/init.ts");
        const { sequenceResult } = await import("./results/installation.ts");
        const repaired = await repairSequences(context);
        await out.table(
          repaired,
          [
            { title: "TABLE", value: ({ table }) => table },
            { title: "BEFORE", value: ({ last }) => String(last), right: true },
            { title: "NOW", value: ({ highest }) => String(highest), right: true },
          ],
          sequenceResult,
        );
        out.note(repaired.length === 0 ? "nothing to do" : `${counted(repaired.length, "sequence")} repaired`);
      }),
    );

  return db;
}
