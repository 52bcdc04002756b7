import { Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { Edge } from "./frame/edge.ts";
import { feedArgument } from "./frame/parsers.ts";
import type { VerifyLine } from "./results/schemas/verify.ts";

export function verifyCommand(edge: Edge): CommandUnknownOpts {
  return new Command("verify")
    .description("check that catalog and store agree: every row has its blob, every blob its row")
    .addArgument(feedArgument())
    .option("--read", "read every blob and compare its SHA-256")
    .option("--repair", "first finish or remove what interrupted runs left behind")
    .action(async (feed: string, options, command) =>
      edge.act<VerifyLine>(command, async (context, out) => {
        const { isSound, verifyFeed } = await import("../operations/verify/verify.ts");
        const { verifyLine } = await import("./results/verify.ts");
        await out.progress.start(`verifying ${feed}`);
        let sound = false;
        for await (const event of verifyFeed(context, { feed, read: options.read, repair: options.repair })) {
          if (event.type === "finding") {
            out.progress.step(0);
            await out.event(verifyLine(event), `${event.finding.padEnd(12)}  ${event.key}: ${event.reason}`);
            continue;
          }
          out.progress.stop();
          sound = isSound(event);
          const counts = `${event.match} match (${formatSize(event.bytes)}), ${event.differ} differ, ${event.missingBlob} rows without blob, ${event.missingRow} blobs without row, ${event.unchecked} unchecked`;
          await out.event(
            verifyLine(event),
            `${sound ? "sound" : "NOT SOUND"}: ${counts}${event.companions > 0 ? `; ${counted(event.companions, "companion")} of packages` : ""}${event.pending > 0 ? `; ${event.pending} to be deleted` : ""}${event.read ? `; every ${event.unchecked > 0 ? "other " : ""}blob was read` : ""}`,
          );
          if (event.missingBlob > 0) out.note("import or upload a missing file again, and it is restored");
        }
        return sound ? 0 : 3;
      }),
    );
}
