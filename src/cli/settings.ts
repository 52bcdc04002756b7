import { Argument, Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { Context } from "../operations/context.ts";
import type { ChangeOptions, SettingChange } from "../operations/installation/settings.ts";
import { defaultStoreType } from "../stores/providers.ts";
import { confirm, type Edge } from "./frame/edge.ts";
import { reportMany } from "./migrate/many.ts";
import type { Column, Output } from "./frame/output.ts";
import type { Setting } from "../operations/feed-store/setting-names.ts";
import type { SettingChangeResult, SettingResult } from "./results/schemas/installation.ts";
import type { MigrateManyLine } from "./results/schemas/migrate.ts";

export function settingsCommand(edge: Edge): CommandUnknownOpts {
  const settings = new Command("settings").description("the installation's settings, under ProGet's names");
  const nameArgument = () => new Argument("<name>", "name of the setting, such as Storage.PackagesRootPath");

  settings
    .command("list")
    .description("list every setting, its value and the value's origin")
    .action(async (_options, command) =>
      edge.act<SettingResult>(command, async (context, out) => {
        const { listSettings } = await import("../operations/installation/settings.ts");
        const { settingResult } = await import("./results/installation.ts");
        const columns: Column<Setting>[] = [
          { title: "name", value: (each) => each.name },
          { title: "value", value: (each) => each.value },
          { title: "origin", value: (each) => each.origin },
        ];
        await out.table(await listSettings(context), columns, settingResult);
      }),
    );

  settings
    .command("get")
    .description("print one setting's effective value")
    .addArgument(nameArgument())
    .action(async (name: string, _options, command) =>
      edge.act<SettingResult>(command, async (context, out) => {
        const { getSetting } = await import("../operations/installation/settings.ts");
        const { settingResult } = await import("./results/installation.ts");
        const setting = await getSetting(context, name);
        await out.result(settingResult(setting), setting.value);
      }),
    );

  addChangeOptions(
    settings
      .command("set")
      .description("save a value in the catalog; an empty value makes the configuration file's effective")
      .addArgument(nameArgument())
      .argument("<value>", "the new value"),
  ).action(async (name: string, value: string, options, command) =>
    changeSetting(edge, command, options, async (context, choice) => {
      const { setSetting } = await import("../operations/installation/settings.ts");
      return setSetting(context, name, value, choice);
    }),
  );

  addChangeOptions(
    settings
      .command("reset")
      .description("remove the value saved in the catalog; also undoes settings set --migrate before it was migrated")
      .addArgument(nameArgument()),
  ).action(async (name: string, options, command) =>
    changeSetting(edge, command, options, async (context, choice) => {
      const { resetSetting } = await import("../operations/installation/settings.ts");
      return resetSetting(context, name, choice);
    }),
  );

  return settings;
}

function addChangeOptions<T extends CommandUnknownOpts>(command: T): T {
  return command
    .option("--migrate", "also migrate every feed whose default directory changes, one after another")
    .option("--yes", "leave the files of these feeds where they are, without asking") as T;
}

/** Shows whose files the change would leave behind, and asks, unless they are migrated. */
async function changeSetting(
  edge: Edge,
  command: CommandUnknownOpts,
  { migrate = false, yes = false }: { migrate?: boolean; yes?: boolean },
  change: (context: Context, choice: ChangeOptions) => Promise<SettingChange>,
): Promise<void> {
  await edge.act<SettingChangeResult | MigrateManyLine>(command, async (context, out) => {
    let leaveFiles = yes;
    if (!migrate && !yes) {
      const { setting, moved } = await change(context, { dryRun: true });
      const left = moved.filter(({ files }) => files > 0);
      for (const { feed, from, to, files, bytes } of left)
        out.warn(
          `feed ${feed} would look for its files in ${to}; ${counted(files, "file")} (${formatSize(bytes)}) stay${files === 1 ? "s" : ""} in ${from}`,
        );
      if (left.length > 0) {
        out.note("to move the files as well: --migrate");
        await confirm(edge.io, `change ${setting.name} and leave these files behind`, false);
        leaveFiles = true;
      }
    }
    const changed = await change(context, { keepFeeds: migrate, leaveFiles });
    await report(out, changed);
    const goals = changed.moved
      .filter(({ kept }) => kept)
      .map(({ feed }) => ({ feed, to: defaultStoreType, options: {} }));
    if (goals.length === 0) return 0;
    const { migrateMany } = await import("../operations/migrate/many.ts");
    return reportMany(out, migrateMany(context, goals, { cutover: "auto" }), "auto");
  });
}

async function report(out: Output<SettingChangeResult>, change: SettingChange): Promise<void> {
  const { settingChangeResult } = await import("./results/installation.ts");
  for (const { feed, from, to, kept } of change.moved) {
    if (kept) out.note(`feed ${feed} moves from ${from} to ${to}`);
    else out.warn(`feed ${feed} now looks for its files in ${to}; nothing was moved from ${from}`);
  }
  if (change.moved.some(({ files, kept }) => files > 0 && !kept))
    out.note(
      `to move the files: the same command with --migrate; to undo: feedctl settings reset ${change.setting.name}`,
    );
  await out.result(
    settingChangeResult(change),
    `${change.setting.name} = ${change.setting.value} (${change.setting.origin})`,
  );
}
