import { Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { ShownStore } from "../operations/stores/show-store.ts";
import type { Edge } from "./frame/edge.ts";
import { addStoreOptions, feedArgument, storeTypeArgument } from "./frame/parsers.ts";
import { storeOptions } from "./frame/store-options.ts";
import { traitLines } from "./frame/traits-words.ts";
import { storeContentCommands } from "./store-content.ts";
import type {
  StoreChangeResult,
  StoreMarkResult,
  StoreOfFeedResult,
  StoreTestLine,
  StoreTypeResult,
} from "./results/schemas/store.ts";

export function storeCommand(edge: Edge): CommandUnknownOpts {
  const store = new Command("store").description("show, set and test where a feed keeps its files");

  store
    .command("types")
    .description("list the store types and their options")
    .action(async (_options, command) =>
      edge.act<StoreTypeResult[]>(command, async (_context, out) => {
        const { listStoreTypes } = await import("../operations/stores/set-store.ts");
        const { storeTypeResult } = await import("./results/store.ts");
        const types = listStoreTypes();
        const lines = types.flatMap((info) => [
          `${info.type}: ${info.title}`,
          ...info.options.map(
            (option) =>
              `  ${`--${option.flag}${option.value === undefined ? "" : ` ${option.value}`}`.padEnd(24)} ${option.description}${option.proget === undefined ? "" : ` (ProGet: ${option.proget})`}`,
          ),
        ]);
        await out.result(types.map(storeTypeResult), lines);
      }),
    );

  addStoreOptions(
    store
      .command("set")
      .description("set the store of a feed; no file is moved (see: feedctl migrate run)")
      .addArgument(feedArgument())
      .addArgument(storeTypeArgument())
      .option("--no-check", "save a cloud store without asking it first"),
  ).action(async (name: string, type, options, command) =>
    edge.act<StoreChangeResult>(command, async (context, out) => {
      const { setStore } = await import("../operations/stores/set-store.ts");
      const { storeChangeResult } = await import("./results/store.ts");
      const change = await setStore(context, name, {
        type,
        options: await storeOptions(edge, out, options),
        check: options.check,
      });
      const { files, bytes } = change.leftBehind;
      if (files > 0) {
        out.warn(
          `no file was moved: ${counted(files, "file")} (${formatSize(bytes)}) of feed ${change.feed} stay${files === 1 ? "s" : ""} at ${change.before.location}`,
        );
        out.note(
          `the new store does not have them. To move a feed with its files, set the old store again and run: feedctl migrate run ${change.feed} --to ${type} ...`,
        );
      }
      const words =
        change.outcome === "unchanged"
          ? `feed ${change.feed} keeps its ${change.store.type} store at ${change.store.location}`
          : `feed ${change.feed} now uses ${change.store.type} at ${change.store.location}`;
      await out.result(storeChangeResult(change), words);
      if (change.traits !== null) for (const line of traitLines(change.traits, null)) out.note(line);
    }),
  );

  store
    .command("show")
    .description("show a feed's store and what was found of its provider; secrets are never shown")
    .addArgument(feedArgument())
    .action(async (name: string, _options, command) =>
      edge.act<StoreOfFeedResult>(command, async (context, out) => {
        const { showStore } = await import("../operations/stores/show-store.ts");
        const { storeOfFeedResult } = await import("./results/store.ts");
        const shown = await showStore(context, name);
        await out.result(storeOfFeedResult(shown), shownLines(shown));
      }),
    );

  store
    .command("refresh")
    .description("ask the provider of a feed's store again about versions, locks, lifecycle rules and what it can do")
    .addArgument(feedArgument())
    .action(async (name: string, _options, command) =>
      edge.act<StoreOfFeedResult>(command, async (context, out) => {
        const { refreshStore } = await import("../operations/stores/show-store.ts");
        const { storeOfFeedResult } = await import("./results/store.ts");
        const shown = await refreshStore(context, name);
        await out.result(storeOfFeedResult(shown), shownLines(shown));
      }),
    );

  store
    .command("mark")
    .description("mark the place of a feed's store as its own, after its files were moved or lost without feedctl")
    .addArgument(feedArgument())
    .option("--earlier", "mark the store before the current one, for migrate retire")
    .option("--yes", "also mark a place that has none of the feed's files")
    .action(async (name: string, options, command) =>
      edge.act<StoreMarkResult>(command, async (context, out) => {
        const { markStore } = await import("../operations/stores/mark-store.ts");
        const { storeMarkResult } = await import("./results/store.ts");
        const mark = await markStore(context, { feed: name, earlier: options.earlier, force: options.yes });
        await out.result(
          storeMarkResult(mark),
          `marked ${mark.location} as the store of feed ${mark.feed}: ${mark.found} of ${mark.of} files that were looked up are there`,
        );
      }),
    );

  store
    .command("test")
    .description("write, read, list, replace and delete a probe file, and report which step fails")
    .addArgument(feedArgument())
    .action(async (name: string, _options, command) =>
      edge.act<StoreTestLine>(command, async (context, out) => {
        const { testStore } = await import("../operations/stores/test-store.ts");
        const { storeTestLine } = await import("./results/store.ts");
        for await (const event of testStore(context, name)) {
          if (event.type === "summary") {
            if (event.traits !== null) for (const line of traitLines(event.traits, null)) out.note(line);
            await out.event(
              storeTestLine(event),
              event.ok
                ? `the store of feed ${event.feed} works: ${event.location}`
                : `the store of feed ${event.feed} does not work`,
            );
          } else await out.event(storeTestLine(event), `${event.ok ? "ok  " : "FAIL"}  ${event.step}`);
        }
      }),
    );

  for (const command of storeContentCommands(edge)) store.addCommand(command);
  return store;
}

function shownLines(shown: ShownStore): string[] {
  return [
    `type:      ${shown.type}`,
    `location:  ${shown.location}`,
    ...(shown.because === null ? [] : [`because:   ${shown.because}`]),
    ...Object.entries(shown.options).map(([option, value]) => `  ${`${option}:`.padEnd(18)} ${String(value)}`),
    ...shown.earlier.map((place) => `earlier:   ${place} (not retired)`),
    ...(shown.traits === null ? [] : traitLines(shown.traits, shown.askedAt)),
    ...(shown.waiting.deletes === 0
      ? []
      : [`waiting:   ${counted(shown.waiting.deletes, "blob")} to be deleted, by the next run that deletes`]),
    ...shown.waiting.failed.map(
      ({ key, reason, nextTry }) => `  ${key}: ${reason}${nextTry === null ? "" : `; again ${nextTry.toISOString()}`}`,
    ),
  ];
}
