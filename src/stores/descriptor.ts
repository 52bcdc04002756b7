import type { Location } from "../lib/location.ts";
import type { Store } from "./store.ts";
import type { StoreTraits } from "./traits.ts";

/** Option values by property: text, or a boolean for a switch. Secrets are `env:NAME`, `file:PATH` or the value. */
export type StoreOptions = Record<string, string | boolean>;

/** One option of a store type, for the command line, configuration files, plan files and the catalog. */
export interface StoreOption {
  /** Long flag without dashes. */
  readonly flag: string;
  /** Placeholder of the value; absent for a switch. */
  readonly value?: string;
  readonly description: string;
  /** Whether the store cannot be opened without it. */
  readonly required?: true;
  readonly secret?: true;
  /** Decides where credentials are sent, or which ones: a saved store with this option must prove that feedctl saved it. */
  readonly guarded?: true;
  /** Decides how blobs are stored: `store set` stores a probe, since providers refuse it with the first blob. */
  readonly ofBlobs?: true;
  /** Environment variables for a location such as `s3://bucket/prefix`; the first that is set counts. */
  readonly environment?: readonly string[];
  /** A property that, when given, makes feedctl ignore these environment variables. */
  readonly unless?: string;
  /** ProGet's name of the same option. */
  readonly proget?: string;
}

/**
 * One option for every member of a configuration, by the same name. A text has a placeholder and a switch has none; a
 * mandatory member is marked as required. A missing option is a compile error.
 */
export type OptionTable<Config> = {
  readonly [Property in Exclude<keyof Config, "type">]-?: StoreOption &
    (Exclude<Config[Property], undefined> extends boolean ? { readonly value?: never } : { readonly value: string }) &
    (undefined extends Config[Property] ? { readonly required?: never } : { readonly required: true });
};

export interface LocationUrl {
  /** The scheme that messages show comes first. */
  readonly schemes: readonly [string, ...string[]];
  /** The option that the URL's host sets, and its name in messages. */
  readonly property: string;
  readonly noun: string;
}

/** What `check` needs from the process. */
export interface CheckContext {
  readonly platform: NodeJS.Platform;
  /** Prints a warning. */
  notice(message: string): void;
}

/**
 * Everything that the rest of feedctl knows about one store type. All descriptors are loaded at every start, so a
 * descriptor must not import an SDK. `providers.ts` lists them.
 */
export interface StoreDescriptor<Config extends { type: string } = { type: string }> {
  readonly type: Config["type"];
  /** For `store types` and completions. */
  readonly title: string;
  /** Whether the store is a directory of this machine. A plain path names such a store. */
  readonly isLocal: boolean;
  /** How a location URL such as `s3://bucket/prefix` names the store. Undefined: its locations are plain paths. */
  readonly url: LocationUrl | undefined;
  /** The option that distinguishes two stores in one bucket or on one disk. */
  readonly pathOption: string;
  readonly options: OptionTable<Config>;
  /** The hint of the error for credentials that cannot sign URLs. */
  readonly signingHint: string;
  /**
   * Validates options that were saved, or come from a profile or a location, and returns the configuration. Options may
   * be named by property or by flag. Throws `usage`; the message begins with `where` and names the option.
   */
  parse(values: unknown, where: string): Config;
  /** Throws `usage` for options that are each valid but cannot be combined in a feed's store. */
  check(options: StoreOptions, context: CheckContext): void;
  /**
   * The configuration with the endpoint that the adapter would find outside of it, such as in the environment. Absent:
   * the adapter looks nowhere else. Call it before `locate`: two spellings of one place must have one location.
   */
  resolve?(config: Config): Promise<Config>;
  /** Throws `usage` for an endpoint that names no server. */
  locate(config: Config): Location;
  /** The location for messages. */
  locationName(location: Location): string;
  /** The configuration of the store at `path` below this one. `cwd` resolves a relative directory. */
  below(config: Config, path: string, cwd: string): Config;
  /** Loads the adapter and its SDK. The caller closes the store. `known`: what was found of the store before. */
  open(config: Config, known: StoreTraits | undefined): Promise<Store>;
}
