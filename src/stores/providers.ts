import { tmpdir } from "node:os";
import { FeedctlError } from "../errors.ts";
import { azure } from "./azure/descriptor.ts";
import { disk } from "./disk/descriptor.ts";
import { gcs } from "./gcs/descriptor.ts";
import { s3 } from "./s3/descriptor.ts";
import type { StoreDescriptor, StoreOption } from "./descriptor.ts";
import { sorting } from "./sorting/sorting.ts";
import type { Store } from "./store.ts";
import type { StoreTraits } from "./traits.ts";

/** The only list of store types, in the order of `store types` and of help. */
const descriptors = [disk, s3, azure, gcs] as const;

export type StoreType = (typeof descriptors)[number]["type"];

/** Everything needed to open a store, with secrets in plain text. Exists only in memory; never printed or saved. */
export type StoreConfig = Parameters<(typeof descriptors)[number]["open"]>[0];

/** The store type of a new feed. */
export const defaultStoreType: StoreType = disk.type;

/** The configuration of a directory on this machine. */
export type DirectoryConfig = Parameters<(typeof disk)["open"]>[0];

export type Provider = StoreDescriptor<StoreConfig>;

export const providers: readonly Provider[] = descriptors;

export const storeTypeNames: readonly StoreType[] = descriptors.map(({ type }) => type);

export function findProvider(type: unknown): Provider | undefined {
  return providers.find((each) => each.type === type);
}

/** Throws `usage` for a type that this version does not know: the catalog may have been used with a newer one. */
export function requireProvider(type: string): Provider {
  const found = findProvider(type);
  if (found !== undefined) return found;
  throw new FeedctlError("usage", `the store type "${type}" does not exist`, {
    hint: `known are ${storeTypeNames.join(", ")}; a newer feedctl may know it`,
  });
}

/** The options of a store type with their properties, in the order of help. */
export function optionsOf(provider: Provider): [property: string, option: StoreOption][] {
  return Object.entries<StoreOption>(provider.options);
}

/** The forms of a location URL, such as `s3://bucket/prefix` and `az://container/prefix`. */
export function locationForms(): string[] {
  return providers.flatMap(({ url }) => (url === undefined ? [] : [`${url.schemes[0]}://${url.noun}/prefix`]));
}

/** A directory on this machine as a store. */
export function directoryConfig(path: string): DirectoryConfig {
  return { type: disk.type, path };
}

export function isDirectory(config: StoreConfig): config is DirectoryConfig {
  return config.type === disk.type;
}

/** The configuration with everything that decides the place of its store; see `StoreDescriptor.resolve`. */
export async function resolveConfig(config: StoreConfig): Promise<StoreConfig> {
  return (await requireProvider(config.type).resolve?.(config)) ?? config;
}

export interface OpenOptions {
  /** What was found of the store before. */
  known?: StoreTraits | undefined;
  /** Where listings are sorted that the provider does not sort. Default: the system's folder for temporary files. */
  temporary?: string | undefined;
}

/** Opens a store, whose listings are in order. Each SDK is loaded by its own adapter, on first use. */
export async function openStore(
  config: StoreConfig,
  { known, temporary = tmpdir() }: OpenOptions = {},
): Promise<Store> {
  const store = await requireProvider(config.type).open(config, known);
  return store.features.sortedList ? store : sorting(store, { folder: temporary });
}
