import { Argument, Command, type CommandUnknownOpts } from "commander";
import type { Edge } from "../frame/edge.ts";

const shells = ["bash", "zsh", "fish", "powershell"] as const;
type Shell = (typeof shells)[number];

const INSTALL = `
bash     in ~/.bashrc (bash 3.2 or newer; the package bash-completion is not needed):
           source <(feedctl completion bash)
         bash 3.2 of macOS cannot source that; there:
           eval "$(feedctl completion bash)"
zsh      once, into a directory of your $fpath, then start a new shell:
           feedctl completion zsh > "\${fpath[1]}/_feedctl"
         or in ~/.zshrc, after compinit:
           source <(feedctl completion zsh)
fish     once:
           feedctl completion fish > ~/.config/fish/completions/feedctl.fish
PowerShell  in the file that $PROFILE names:
           feedctl completion powershell | Out-String | Invoke-Expression

The same scripts are in the directory "completions" of the package. Names of feeds and packages are read from the
catalog while you type; an embedded catalog that is in use by another process gives none.`;

export function completionCommand(edge: Edge): CommandUnknownOpts {
  return new Command("completion")
    .description("print the script that completes feedctl's commands in a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText("after", INSTALL)
    .action(async (shell: Shell, _options, command) => {
      edge.io.stdout.write(await completionScript(shell, rootOf(command)));
    });
}

async function completionScript(shell: Shell, program: CommandUnknownOpts): Promise<string> {
  const { completionModel } = await import("./model.ts");
  const models = completionModel(program);
  switch (shell) {
    case "bash":
      return (await import("./bash.ts")).bashCompletion(models);
    case "zsh":
      return (await import("./zsh.ts")).zshCompletion(models);
    case "fish":
      return (await import("./fish.ts")).fishCompletion(models);
    case "powershell":
      return (await import("./powershell.ts")).powershellCompletion(models);
  }
}

function rootOf(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent === null ? command : rootOf(command.parent);
}
