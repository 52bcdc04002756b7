import { Command, Option } from "commander";
import { exitStatuses } from "../errors.ts";
import { adoptCommand } from "./adopt.ts";
import { assetCommand } from "./asset/index.ts";
import { dbCommand, initCommand } from "./db.ts";
import { namesCommand } from "./completion/names.ts";
import { completionCommand } from "./completion/index.ts";
import { dropCommand } from "./drop/index.ts";
import type { Edge } from "./frame/edge.ts";
import { feedCommand } from "./feed.ts";
import { importCommand } from "./import.ts";
import { migrateCommand } from "./migrate/index.ts";
import { mirrorCommand } from "./mirror/index.ts";
import { packageCommand } from "./package.ts";
import { retentionCommand } from "./retention/index.ts";
import { schemaCommand } from "./schema.ts";
import { secretsCommand } from "./secrets.ts";
import { settingsCommand } from "./settings.ts";
import { storeCommand } from "./store.ts";
import { usageCommand } from "./usage.ts";
import { verifyCommand } from "./verify.ts";
import { workerCommand } from "./worker.ts";

/** Creates the whole command tree. Actions import their code when they run: --help and completions must start fast. */
export function createProgram(edge: Edge, version: string): Command {
  const program = new Command("feedctl")
    .description("Administer private package feeds: their stores, packages, migrations and proofs.")
    .version(version, "-V, --version", "print the version")
    .addOption(new Option("--json", "machine-readable output").helpGroup("Everywhere:"))
    .addOption(new Option("-q, --quiet", "print only results, warnings and errors").helpGroup("Everywhere:"))
    .addOption(new Option("-v, --verbose", "print every item of long work").helpGroup("Everywhere:"))
    .addOption(new Option("--no-color", "plain text (also: NO_COLOR)").helpGroup("Everywhere:"))
    .addOption(new Option("--config <file>", "use this configuration file").helpGroup("Everywhere:"))
    .showSuggestionAfterError()
    .enablePositionalOptions(false)
    .addHelpText(
      "after",
      () =>
        `\nExit status:\n${exitStatuses.map(({ status, meaning }) => `  ${String(status).padStart(3)}  ${meaning}`).join("\n")}`,
    );

  program.commandsGroup("Feeds and packages:");
  program
    .addCommand(feedCommand(edge))
    .addCommand(importCommand(edge))
    .addCommand(dropCommand(edge))
    .addCommand(adoptCommand(edge))
    .addCommand(packageCommand(edge))
    .addCommand(assetCommand(edge))
    .addCommand(retentionCommand(edge))
    .addCommand(usageCommand(edge));
  program.commandsGroup("Stores:");
  program
    .addCommand(storeCommand(edge))
    .addCommand(migrateCommand(edge))
    .addCommand(workerCommand(edge))
    .addCommand(mirrorCommand(edge))
    .addCommand(verifyCommand(edge));
  program.commandsGroup("Installation:");
  program
    .addCommand(initCommand(edge))
    .addCommand(dbCommand(edge))
    .addCommand(settingsCommand(edge))
    .addCommand(secretsCommand(edge));
  program
    .addCommand(schemaCommand(edge))
    .addCommand(completionCommand(edge))
    .addCommand(namesCommand(edge), { hidden: true });
  return program;
}
