import { createFolderWatch } from "../../lib/files/folder-watch.ts";
import type { Context } from "../../operations/context.ts";
import { scanDropPaths, type DropScanInput } from "../../operations/drop/scan.ts";
import { createDropReport } from "./report.ts";
import type { Output } from "../frame/output.ts";
import { repeatRounds } from "../frame/rounds.ts";
import type { DropLine } from "../results/schemas/import.ts";

/** Milliseconds. With `--interval 0`, scans without a pause would load the disk and the catalog. */
const LEAST_INTERVAL = 100;

/** Scans until Ctrl-C. Errors that may pass, such as an outage, are printed once and do not end it. */
export async function watchDropPaths(
  context: Context,
  out: Output<DropLine>,
  interval: number,
  input: DropScanInput,
): Promise<void> {
  using folders = createFolderWatch({
    replaced: (folder) => out.note(`the drop path ${folder} was moved, made anew or mounted: it is watched again`),
    exhausted: (folder) =>
      out.warn(
        `not everything below ${folder} is watched, because the system allows no more watches (sysctl fs.inotify.max_user_watches): files there are found every ${interval / 1000} s`,
      ),
  });
  let paths = new Set<string>();
  let reported: string | undefined;
  const report = createDropReport(out, {
    watching: true,
    named: input.feed !== undefined,
    onPath: (path) => paths.add(path),
  });
  out.note(`watching drop paths, with a scan at least every ${interval / 1000} s`);
  await repeatRounds(
    context,
    async () => {
      const before = paths;
      paths = new Set();
      try {
        await report(scanDropPaths(context, input));
      } finally {
        if (paths.size === 0) paths = before;
      }
      if (reported !== undefined) out.note("drop paths are scanned again");
      reported = undefined;
    },
    {
      interval,
      failed(error) {
        if (error.message !== reported) out.warn(error.message);
        reported = error.message;
      },
      async wait(milliseconds) {
        await folders.follow([...paths]);
        await folders.wait(Math.max(milliseconds, LEAST_INTERVAL), context.signal);
      },
    },
  );
}
