import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { AssetOutcome } from "../../operations/assets/item.ts";
import type { UploadEvent } from "../../operations/assets/upload.ts";
import { createItemLines } from "../frame/item-lines.ts";
import type { Output } from "../frame/output.ts";
import type { AssetStoredLine } from "../results/schemas/asset.ts";

const words: Record<AssetOutcome["status"], string> = {
  stored: "stored",
  overwritten: "replaced",
  unchanged: "same",
  skipped: "skipped",
  conflict: "CONFLICT",
  invalid: "INVALID",
  failed: "FAILED",
};

/** Prints the outcome of each file and the summary. Returns the exit status. */
export async function reportAssets(
  out: Output<AssetStoredLine>,
  events: AsyncIterable<UploadEvent>,
  dryRun: boolean | undefined,
  verb: string,
): Promise<number> {
  const { assetStoredLine } = await import("../results/asset.ts");
  let bad = 0;
  const lines = createItemLines(out);
  for await (const event of events) {
    if (event.type === "file") {
      const good = !["conflict", "invalid", "failed"].includes(event.status);
      const moved = event.status === "stored" || event.status === "overwritten";
      out.progress.step(moved ? (event.size ?? 0) : 0);
      await out.event(assetStoredLine(event), lines.wants(good) ? describe(event) : undefined);
      continue;
    }
    out.progress.stop();
    lines.end();
    bad = event.conflict + event.invalid + event.failed;
    const done = event.stored + event.overwritten;
    const parts = [
      `${dryRun ? "would have " : ""}${verb} ${counted(done, "file")} (${formatSize(event.bytes)})`,
      event.overwritten > 0 ? `${event.overwritten} of them replaced` : "",
      event.restored > 0 ? `${event.restored} of them restored` : "",
      event.unchanged > 0 ? `${event.unchanged} already there` : "",
      event.skipped > 0 ? `${event.skipped} skipped` : "",
      event.folders > 0 ? counted(event.folders, "new folder") : "",
      event.conflict > 0 ? counted(event.conflict, "conflict") : "",
      event.invalid > 0 ? `${event.invalid} invalid` : "",
      event.failed > 0 ? `${event.failed} failed` : "",
    ];
    await out.event(assetStoredLine(event), parts.filter((part) => part !== "").join(", "));
  }
  return bad > 0 ? 3 : 0;
}

function describe(file: AssetOutcome): string {
  const word = file.restored === true ? "restored" : words[file.status];
  const line = `${word.padEnd(8)}  ${file.path === "" ? file.from : file.path}`;
  const from = file.path === "" || file.from === file.path ? "" : ` (${file.from})`;
  return file.reason === undefined ? line : `${line}: ${file.reason}${from}`;
}
