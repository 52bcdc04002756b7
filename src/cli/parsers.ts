import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { feedTypeNames } from "../formats/feed-types.ts";
import { storeTypeNames, storeTypes, type StoreOption } from "../stores/store-types.ts";

/** An argument that names a feed; shells complete it from the catalog. */
export function feedArgument(): Argument {
  return new Argument("<feed>", "name of the feed");
}

export function storeTypeArgument(): Argument {
  return new Argument("<type>", "store type").choices(storeTypeNames);
}

export function feedTypeOption(): Option {
  return new Option("--type <type>", "package type of the feed").choices(feedTypeNames).makeOptionMandatory();
}

/** Every option of every store type, each flag once: which belong to the chosen type is checked by the operation. */
export function addStoreOptions(command: Command): Command {
  const seen = new Map<string, { option: StoreOption; types: string[] }>();
  for (const info of Object.values(storeTypes)) {
    for (const option of info.options) {
      const entry = seen.get(option.flag) ?? { option, types: [] };
      entry.types.push(info.type);
      seen.set(option.flag, entry);
    }
  }
  for (const { option, types } of seen.values()) {
    command.addOption(new Option(`--${option.flag}${option.value === undefined ? "" : ` <${option.value}>`}`, option.description).helpGroup(`Options of ${types.join(" and ")} stores:`));
  }
  return command;
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}
