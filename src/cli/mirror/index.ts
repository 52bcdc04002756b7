import type { CommandUnknownOpts } from "commander";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { batchesOf } from "../../lib/lists/batches.ts";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { Context } from "../../operations/context.ts";
import type { MirrorEvent, MirrorItem, MirrorSummary } from "../../operations/mirror/tally.ts";
import type { MirrorInput } from "../../operations/mirror/mirror-run.ts";
import { confirm, type Edge } from "../frame/edge.ts";
import type { MirrorLog } from "./log.ts";
import { endOptions, leaveClasses, mirrorOptions, type MirrorOptions } from "./options.ts";
import type { Output } from "../frame/output.ts";
import { repeatRounds, tryUntilReached } from "../frame/rounds.ts";
import { storeOptions } from "../frame/store-options.ts";
import type { StoreOptions } from "../../operations/feed-store/store-secrets.ts";
import type { MirrorLine } from "../results/schemas/mirror.ts";

export function mirrorCommand(edge: Edge): CommandUnknownOpts {
  return mirrorOptions().action(async (source: string, target: string, options, command) =>
    edge.act<MirrorLine>(
      command,
      async (context, out) => {
        const { openLog } = await import("./log.ts");
        const ends = {
          source: { text: source, options: await storeOptions(edge, out, endOptions(options, "source")) },
          target: { text: target, options: await storeOptions(edge, out, endOptions(options, "target")) },
        };
        const { watch } = options;
        const again = (error: FeedctlError, wait: number) =>
          out.warn(
            `${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}; next try in ${wait / 1000} s`,
          );
        const locate = () => inputOf({ edge, context, out }, ends, options);
        const input = watch === undefined ? await locate() : await tryUntilReached(context, watch, locate, again);
        const log = await openLog(edge.io, options.log);
        const { runMirror } = await import("../../operations/mirror/mirror.ts");
        const once = () => reportMirror(out, runMirror(context, input()), log, options.exitCode === "robocopy");
        try {
          if (watch === undefined) return await once();
          await repeatRounds(context, async () => void (await once()), { interval: watch, failed: again });
        } finally {
          await log.close();
        }
      },
      { isEndless: options.watch !== undefined },
    ),
  );
}

/** A location that is given on the command line, with its store options. */
interface End {
  text: string;
  options: StoreOptions;
}

async function inputOf(
  { edge, context, out }: { edge: Edge; context: Context; out: Output<never> },
  { source, target }: { source: End; target: End },
  options: MirrorOptions,
): Promise<() => MirrorInput> {
  const { parseLocation } = await import("../../operations/mirror/parse-location.ts");
  const { createFilter } = await import("../../operations/mirror/filter.ts");
  const { createThrottle } = await import("../../lib/concurrency/throttle.ts");
  const { cwd } = edge.io;
  const given: Record<string, unknown> = options;
  const input = {
    source: await parseLocation(context, source.text, source.options, cwd),
    target: await parseLocation(context, target.text, target.options, cwd),
    dryRun: options.dryRun === true || options.listOnly === true,
    noDelete: !options.delete,
    maxDelete: options.maxDelete,
    compare: {
      checksum: options.checksum === true,
      sizeOnly: options.sizeOnly === true,
      timeWindow: options.timeWindow ?? 1,
      leave: new Set(leaveClasses.filter((name) => given[`exclude${name[0]?.toUpperCase()}${name.slice(1)}`] === true)),
    },
    retries: options.retries,
    wait: options.wait,
    concurrency: options.threads ?? context.concurrency * 2,
    throttle: options.bandwidth === undefined ? undefined : createThrottle(options.bandwidth, context.signal),
    preserve: { tags: options.preserveTags === true, storageClass: options.preserveStorageClass === true },
    trash: options.trash,
    copyModes: options.copyModes === true,
    emptyFolders: options.emptyDirs === true,
    async approve(deletes: number, from: string, what = "file") {
      out.progress.stop(); // a spinner would draw over the question
      await confirm(
        edge.io,
        `delete ${what === "file" ? counted(deletes, "extra file") : directories(deletes)} from ${from}`,
        options.yes,
      );
    },
  };
  const patterns = { include: options.include ?? [], exclude: options.exclude ?? [] };
  return () => ({ ...input, filter: createFilter({ ...options, ...patterns, now: context.now() }) });
}

/**
 * Prints a mirror's events and returns the exit status. With `robocopy`, errors that are thrown have its status too.
 */
export async function reportMirror(
  out: Output<MirrorLine>,
  mirrorEvents: AsyncIterable<MirrorEvent>,
  log: MirrorLog,
  robocopy: boolean,
): Promise<number> {
  const { mirrorLine } = await import("../results/mirror.ts");
  let summary: MirrorSummary | undefined;
  const printSummary = async (event: MirrorSummary) => {
    summary = event;
    out.progress.stop();
    await log.summary(mirrorLine(event));
    await out.event(mirrorLine(event), table(event));
  };
  // most items are skipped and not printed: a promise for each would cost time
  const printItem = (event: MirrorItem): Promise<unknown> | undefined => {
    out.progress.step(event.outcome === "copied" ? event.bytes : 0);
    const logged = log.item(event);
    if (event.outcome === "skipped" && !out.options.verbose && event.reason === undefined) return logged;
    return Promise.all([
      logged,
      out.event(mirrorLine(event), out.options.quiet && !isTrouble(event) ? undefined : log.line(event)),
    ]);
  };
  await out.progress.start("mirroring");
  try {
    for await (const events of batchesOf(mirrorEvents)) {
      for (const event of events) {
        const done = event.type === "summary" ? printSummary(event) : printItem(event);
        if (done !== undefined) await done;
      }
    }
  } catch (error) {
    if (!robocopy || !isFeedctlError(error)) throw error;
    const { code, message, hint, cause } = error;
    throw new FeedctlError(code, message, { hint, cause, status: summary?.robocopyStatus ?? 16 });
  } finally {
    out.progress.stop();
  }
  if (summary === undefined) throw new Error("a mirror ended without a summary");
  if (summary.notDeleted !== undefined) {
    const left = summary.extras - summary.deleted;
    const what = left === 0 ? "empty directories" : counted(left, "extra file");
    out.warn(`${what} not deleted: ${summary.notDeleted}`);
  }
  if (summary.archived > 0)
    out.warn(
      `${counted(summary.archived, "file")} of those that failed must be restored from the source's archive first`,
    );
  if (robocopy) return summary.robocopyStatus;
  return summary.failed + summary.mismatch > 0 || summary.notDeleted !== undefined ? 3 : 0;
}

function isTrouble(item: MirrorItem): boolean {
  return item.outcome === "failed" || item.outcome === "mismatch";
}

const directories = (count: number) => `${count} empty ${count === 1 ? "directory" : "directories"}`;

/** Robocopy's summary table: Total = Copied + Skipped + Mismatch + FAILED; extras are not part of the total. */
function table(summary: MirrorSummary): string[] {
  const { total, copied, skipped, mismatch, failed, extras, deleted, dryRun } = summary;
  const cell = (value: number | string) => String(value).padStart(10);
  const row = (title: string, cells: (number | string)[]) =>
    `${title.padStart(8)} ${cells.map(cell).join("")}`.trimEnd();
  const size = (bytes: number) => formatSize(bytes).replace(/iB$/, "").replace(" B", "");
  const notCopied = summary.totalBytes - summary.bytes;
  const seconds = (summary.milliseconds / 1000).toFixed(1);
  const { foldersMade, foldersDeleted, modes } = summary;
  const more = [
    modes > 0 ? `; ${counted(modes, "mode")} changed` : "",
    foldersMade > 0 ? `; ${directories(foldersMade)} made` : "",
    foldersDeleted > 0 ? `; ${directories(foldersDeleted)} deleted` : "",
  ].join("");
  const left = summary.foreign === 0 ? "" : `; ${counted(summary.foreign, "name")} left out (*FOREIGN)`;
  return [
    row("", ["Total", "Copied", "Skipped", "Mismatch", "FAILED", "Extras"]),
    row("Files :", [total, copied, skipped, mismatch, failed, extras]),
    row("Bytes :", [size(summary.totalBytes), size(summary.bytes), size(notCopied), "", "", size(summary.extraBytes)]),
    `${dryRun ? "would delete" : "deleted"} ${deleted} of ${counted(extras, "extra file")} in ${seconds} s${more}${left}${dryRun ? "; dry run: nothing was changed" : ""}`,
  ];
}
