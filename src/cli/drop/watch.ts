import { isFeedctlError } from "../../errors.ts";
import { createFolderWatch } from "../../lib/folder-watch.ts";
import type { Context } from "../../operations/context.ts";
import { scanDropPaths, type DropScanInput } from "../../operations/drop/scan.ts";
import { createDropReport } from "./report.ts";
import type { Output } from "../frame/output.ts";
import type { DropLine } from "../results/schemas/import.ts";

/** Even with `--interval 0` the disk and the catalog get a rest. */
const LEAST_INTERVAL = 100;

/** Scan after scan until Ctrl-C. What another scan may cure, such as an outage, is told once and does not end it. */
export async function watchDropPaths(
  context: Context,
  out: Output<DropLine>,
  interval: number,
  input: DropScanInput,
): Promise<never> {
  using folders = createFolderWatch();
  let paths = new Set<string>();
  let told: string | undefined;
  const report = createDropReport(out, {
    watching: true,
    named: input.feed !== undefined,
    onPath: (path) => paths.add(path),
  });
  out.note(`watching drop paths, at the latest every ${interval / 1000} s`);
  for (;;) {
    const before = paths;
    paths = new Set();
    try {
      await report(scanDropPaths(context, input));
      told = undefined;
    } catch (error) {
      if (context.signal.aborted || !isFeedctlError(error) || error.code === "usage") throw error;
      if (paths.size === 0) paths = before;
      if (error.message !== told) out.warn(error.message);
      told = error.message;
    }
    // the embedded catalog is closed between two scans, so that other commands get their turn
    await context.withCatalog(async () => {});
    folders.follow([...paths]);
    await folders.wait(Math.max(interval, LEAST_INTERVAL), context.signal);
  }
}
