import type { StoreOptions } from "../../operations/feed-store/store-secrets.ts";
import { storeTypes } from "../../stores/store-types.ts";
import { readSecret, type Edge } from "./edge.ts";
import type { Output } from "./output.ts";

/**
 * Store options out of commander's: only those given, `-` replaced by what is typed or piped in. A secret typed on the
 * command line works, with a warning.
 */
export async function storeOptions(
  edge: Edge,
  out: Output<never>,
  options: Record<string, unknown>,
): Promise<StoreOptions> {
  const given: StoreOptions = {};
  for (const option of new Map(
    Object.values(storeTypes).flatMap((info) => info.options.map((each) => [each.property, each] as const)),
  ).values()) {
    const value = options[option.property];
    if (typeof value === "boolean") given[option.property] = value;
    if (typeof value !== "string") continue;
    given[option.property] = value;
    if (!option.secret || value.startsWith("env:") || value.startsWith("file:")) continue;
    if (value === "-") given[option.property] = await readSecret(edge.io, option.flag.replaceAll("-", " "));
    else
      out.warn(
        `--${option.flag} is visible in the process list and the shell's history; better: env:NAME, file:PATH or - (ask)`,
      );
  }
  return given;
}
