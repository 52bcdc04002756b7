import { Argument, Command, type CommandUnknownOpts } from "commander";
import type { SettingChange } from "../operations/installation/settings.ts";
import { defaultStoreType } from "../stores/providers.ts";
import type { Edge } from "./frame/edge.ts";
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

  settings
    .command("set")
    .description("save a value in the catalog; an empty value makes the configuration file's effective")
    .addArgument(nameArgument())
    .argument("<value>", "the new value")
    .option("--migrate", "also migrate every feed whose default directory changes, one after another")
    .action(async (name: string, value: string, options, command) =>
      edge.act<SettingChangeResult | MigrateManyLine>(command, async (context, out) => {
        const { setSetting } = await import("../operations/installation/settings.ts");
        const change = await setSetting(context, name, value, { keepFeeds: options.migrate });
        await report(out, change);
        if (!options.migrate || change.moved.length === 0) return 0;
        const { migrateMany } = await import("../operations/migrate/many.ts");
        const goals = change.moved.map(({ feed }) => ({ feed, to: defaultStoreType, options: {} }));
        return reportMany(out, migrateMany(context, goals, { cutover: "auto" }), "auto");
      }),
    );

  settings
    .command("reset")
    .description("remove the value saved in the catalog")
    .addArgument(nameArgument())
    .action(async (name: string, _options, command) =>
      edge.act<SettingChangeResult>(command, async (context, out) => {
        const { resetSetting } = await import("../operations/installation/settings.ts");
        await report(out, await resetSetting(context, name));
      }),
    );

  return settings;
}

async function report(out: Output<SettingChangeResult>, change: SettingChange): Promise<void> {
  const { settingChangeResult } = await import("./results/installation.ts");
  for (const { feed, from, to, kept } of change.moved) {
    if (kept) out.note(`feed ${feed} moves from ${from} to ${to}`);
    else out.warn(`feed ${feed} now looks for its files in ${to}; nothing was moved from ${from}`);
  }
  const [first] = change.moved;
  if (first !== undefined && !first.kept)
    out.note(
      `to move a feed's files: feedctl store set ${first.feed} disk --path ${first.from}, then: feedctl migrate run ${first.feed} --to disk; next time: settings set --migrate`,
    );
  await out.result(
    settingChangeResult(change),
    `${change.setting.name} = ${change.setting.value} (${change.setting.origin})`,
  );
}
