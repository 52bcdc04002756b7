import { Command, type CommandUnknownOpts } from "commander";
import type { Edge } from "./frame/edge.ts";
import type { RotationResult } from "./results/schemas/installation.ts";

export function secretsCommand(edge: Edge): CommandUnknownOpts {
  const secrets = new Command("secrets").description("the key that seals the credentials of stores");

  secrets
    .command("rotate")
    .description("seal the credentials of all stores anew with the current key; safe to interrupt and to run again")
    .option("--from <KEY>", "the earlier key: env:NAME or file:PATH (default: the current key)")
    .action(async (options, command) =>
      edge.act<RotationResult>(command, async (context, out) => {
        const { rotateSecrets } = await import("../operations/secrets/rotate.ts");
        const { rotationResult } = await import("./results/installation.ts");
        const { readEarlierSecret } = await import("./frame/sealing-secret.ts");
        const earlier = options.from === undefined ? undefined : await readEarlierSecret(edge.io, options.from);
        const done = await rotateSecrets(context, earlier);
        for (const { store, feed, reason } of done.failed) out.warn(`store #${store} of feed ${feed}: ${reason}`);
        const already = done.current > 0 ? `, ${done.current} were already` : "";
        const failed = done.failed.length > 0 ? `, ${done.failed.length} failed` : "";
        await out.result(
          rotationResult(done),
          `sealed ${done.sealed} ${done.sealed === 1 ? "store" : "stores"} with the current key${already}${failed}`,
        );
        return done.failed.length > 0 ? 3 : 0;
      }),
    );

  return secrets;
}
