import { isFeedctlError } from "../../errors.ts";
import { createFolderWatch } from "../../lib/folder-watch.ts";
import type { Context } from "../../operations/context.ts";
import { scanDropPaths, type DropScanInput } from "../../operations/drop/scan.ts";
import { createDropReport } from "./report.ts";
import type { Output } from "../frame/output.ts";
import type { DropLine } from "../results/schemas/import.ts";

/** Milliseconds. With `--interval 0`, scans without a pause would load the disk and the catalog. */
const LEAST_INTERVAL = 100;

/** Scans until Ctrl-C. Errors that may pass, such as an outage, are printed once and do not end it. */
export async function watchDropPaths(
  context: Context,
  out: Output<DropLine>,
  interval: number,
  input: DropScanInput,
): Promise<never> {
  using folders = createFolderWatch();
  let paths = new Set<string>();
  let reported: string | undefined;
  const report = createDropReport(out, {
    watching: true,
    named: input.feed !== undefined,
    onPath: (path) => paths.add(path),
  });
  out.note(`watching drop paths, with a scan at least every ${interval / 1000} s`);
  for (;;) {
    const before = paths;
    paths = new Set();
    try {
      await report(scanDropPaths(context, input));
      reported = undefined;
    } catch (error) {
      if (context.signal.aborted || !isFeedctlError(error) || error.code === "usage") throw error;
      if (paths.size === 0) paths = before;
      if (error.message !== reported) out.warn(error.message);
      reported = error.message;
    }
    // closes the embedded catalog between two scans, so that other commands can open it
    await context.withCatalog(async () => {});
    folders.follow([...paths]);
    await folders.wait(Math.max(interval, LEAST_INTERVAL), context.signal);
  }
}
