import { registerSecrets } from "../../lib/text/redact.ts";
import type { StoreOptions } from "../../operations/feed-store/store-secrets.ts";
import { optionsOf, providers } from "../../stores/providers.ts";
import { readSecret, type Edge } from "./edge.ts";
import type { Output } from "./output.ts";

/**
 * The store options among commander's, only those that were given. For a secret, `-` reads it from the terminal or a
 * pipe. A secret on the command line works, with a warning.
 */
export async function storeOptions(
  edge: Edge,
  out: Output<never>,
  options: Record<string, unknown>,
): Promise<StoreOptions> {
  const given: StoreOptions = {};
  for (const [property, option] of new Map(providers.flatMap(optionsOf))) {
    const value = options[property];
    if (typeof value === "boolean") given[property] = value;
    if (typeof value !== "string") continue;
    given[property] = value;
    if (!option.secret || value.startsWith("env:") || value.startsWith("file:")) continue;
    if (value === "-") given[property] = await readSecret(edge.io, option.flag.replaceAll("-", " "));
    else
      out.warn(
        `--${option.flag} is visible in the process list and the shell's history; better: env:NAME, file:PATH or - (ask)`,
      );
    registerSecrets(given[property]);
  }
  return given;
}
