import { Argument, Command } from "commander";
import type { SettingChange } from "../operations/settings.ts";
import type { Edge } from "./edge.ts";
import type { Output } from "./output.ts";

export function settingsCommand(edge: Edge): Command {
  const settings = new Command("settings").description("the installation's settings, under ProGet's names");
  const nameArgument = () => new Argument("<name>", "name of the setting, such as Storage.PackagesRootPath");

  settings
    .command("list")
    .description("list every setting, its value and where that comes from")
    .action(async (_options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { listSettings } = await import("../operations/settings.ts");
        await out.table(await listSettings(context), [
          { title: "name", value: (each) => each.name },
          { title: "value", value: (each) => each.value },
          { title: "origin", value: (each) => each.origin },
        ]);
      }),
    );

  settings
    .command("get")
    .description("print one setting's effective value")
    .addArgument(nameArgument())
    .action(async (name: string, _options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { getSetting } = await import("../operations/settings.ts");
        const setting = await getSetting(context, name);
        await out.result(setting, setting.value);
      }),
    );

  settings
    .command("set")
    .description("save a value in the catalog; saved empty, the configuration file's value counts")
    .addArgument(nameArgument())
    .argument("<value>", "the new value")
    .action(async (name: string, value: string, _options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { setSetting } = await import("../operations/settings.ts");
        await report(out, await setSetting(context, name, value));
      }),
    );

  settings
    .command("reset")
    .description("forget the value saved in the catalog")
    .addArgument(nameArgument())
    .action(async (name: string, _options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { resetSetting } = await import("../operations/settings.ts");
        await report(out, await resetSetting(context, name));
      }),
    );

  return settings;
}

async function report(out: Output, change: SettingChange): Promise<void> {
  for (const { feed, from, to } of change.moved)
    out.warn(`feed ${feed} now looks for its files in ${to}; nothing was moved from ${from}`);
  await out.result(change, `${change.setting.name} = ${change.setting.value} (${change.setting.origin})`);
}
