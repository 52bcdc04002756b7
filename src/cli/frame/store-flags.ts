import { optionsOf, type Provider, type StoreType } from "../../stores/providers.ts";

export interface StoreFlag {
  property: string;
  flag: string;
  /** As commander writes it after the dashes: `bucket <BUCKET>`. */
  syntax: string;
  /** Names the store types when their descriptions differ. */
  description: string;
  types: StoreType[];
}

/** The options of several store types, each flag once. `prefix` goes between the dashes and the flag. */
export function flagsOf(providers: readonly Provider[], prefix = ""): StoreFlag[] {
  const seen = new Map<string, { first: StoreFlag; texts: Map<string, StoreType[]> }>();
  for (const provider of providers) {
    for (const [property, { flag, value, description }] of optionsOf(provider)) {
      const syntax = `--${prefix}${flag}${value === undefined ? "" : ` <${value}>`}`;
      const first: StoreFlag = { property, flag, syntax, description, types: [] };
      const entry = seen.get(flag) ?? { first, texts: new Map<string, StoreType[]>() };
      entry.first.types.push(provider.type);
      entry.texts.set(description, [...(entry.texts.get(description) ?? []), provider.type]);
      seen.set(flag, entry);
    }
  }
  return [...seen.values()].map(({ first, texts }) => ({ ...first, description: describe(texts) }));
}

function describe(texts: ReadonlyMap<string, StoreType[]>): string {
  if (texts.size === 1) return [...texts.keys()].join("");
  return [...texts].map(([text, types]) => `${types.join(", ")}: ${text}`).join("; ");
}
