import type { Store } from "./store.ts";

/** Option values by property: text, or a boolean for a switch. Secrets are `env:NAME`, `file:PATH` or the value. */
export type StoreOptions = Record<string, string | boolean>;

/** One option of a store type, as the command line, configuration files, plan files and the catalog know it. */
export interface StoreOption {
  /** Long flag without dashes. */
  readonly flag: string;
  /** Placeholder of the value; absent for a switch. */
  readonly value?: string;
  readonly description: string;
  /** Without it there is no store. */
  readonly required?: true;
  readonly secret?: true;
  /** Environment variables that a location such as `s3://bucket/prefix` takes the value from, in this order. */
  readonly environment?: readonly string[];
  /** Property that makes the environment irrelevant when it is given. */
  readonly unless?: string;
  /** ProGet's name of the same option, for people who come from there. */
  readonly proget?: string;
}

/**
 * Every member of a configuration has exactly one option, by the same name: a text has a placeholder, a switch has none,
 * and a member that cannot be left out is marked as required. A forgotten option does not compile.
 */
export type OptionTable<Config> = {
  readonly [Property in Exclude<keyof Config, "type">]-?: StoreOption &
    (Exclude<Config[Property], undefined> extends boolean ? { readonly value?: never } : { readonly value: string }) &
    (undefined extends Config[Property] ? { readonly required?: never } : { readonly required: true });
};

/**
 * Where a store's blobs are, whichever way its configuration spells it. Holds no secrets. Plain JSON, because the
 * catalog keeps it for stores whose secrets are not available.
 */
export interface Location {
  /** The store type: places of different types never overlap. */
  type: string;
  /** Server and bucket, or account and container; on disk the drive or share. Different places never overlap. */
  place: string;
  /** The folders below that. */
  segments: string[];
  /** A disk on which `A` and `a` are one folder. */
  ignoresCase: boolean;
}

export interface LocationUrl {
  /** The usual scheme first. */
  readonly schemes: readonly [string, ...string[]];
  /** The option that the URL's host is the value of, and its word for people. */
  readonly property: string;
  readonly noun: string;
}

/** What `check` may know of this process. */
export interface CheckContext {
  readonly platform: NodeJS.Platform;
  /** A warning for people. */
  notice(message: string): void;
}

/**
 * Everything that the rest of feedctl knows about one store type. A descriptor imports no SDK: all are loaded at every
 * start. `providers.ts` lists them.
 */
export interface StoreDescriptor<Config extends { type: string } = { type: string }> {
  readonly type: Config["type"];
  /** For `store types` and completions. */
  readonly title: string;
  /** Whether the store is a directory of this machine: a plain path means it, and a feed has a default directory. */
  readonly isLocal: boolean;
  /** How a location URL such as `s3://bucket/prefix` names the store. Undefined: its locations are plain paths. */
  readonly url: LocationUrl | undefined;
  /** The option that separates two stores of one bucket, or on one disk. */
  readonly pathOption: string;
  readonly options: OptionTable<Config>;
  /** For people whose credentials cannot sign URLs. */
  readonly signingHint: string;
  /**
   * A whole configuration out of values that nobody has checked: saved options, a profile, a location. Options may be
   * named by property or by flag. Throws `usage` that begins with `where` and names the option.
   */
  parse(values: unknown, where: string): Config;
  /** Throws `usage` for options that are valid one by one and make no sense as a feed's store. */
  check(options: StoreOptions, context: CheckContext): void;
  /** Throws `usage` for an endpoint that names no server. */
  locate(config: Config): Location;
  /** The location for messages. */
  locationName(location: Location): string;
  /** The store at `path` below this one; `cwd` is what a relative directory is relative to. */
  below(config: Config, path: string, cwd: string): Config;
  /** Loads the adapter and its SDK. The caller closes the store. */
  open(config: Config): Promise<Store>;
}
