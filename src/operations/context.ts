import type { Catalog } from "../catalog/connection/catalog.ts";
import type { Store } from "../stores/store.ts";
import type { StoreConfig } from "../stores/providers.ts";

/** Everything an operation may touch of the world. Built at the edge; a test builds its own. */
export interface Context {
  /** Directory of this installation: embedded catalog, default packages directory, key file. */
  readonly dataDir: string;
  /** `Storage.*` and other settings that the configuration file gives, by name. */
  readonly configuredSettings: ReadonlyMap<string, string>;
  /** Store profiles of the configuration file by name; their secrets may still be references. */
  readonly storeProfiles: ReadonlyMap<string, StoreConfig>;
  /** How many blobs are worked on at once. */
  readonly concurrency: number;
  /** Milliseconds to wait for a lock before giving up with `locked`. */
  readonly lockWait: number;
  readonly signal: AbortSignal;
  readonly platform: NodeJS.Platform;
  /** Who does it, for runs and audit: `user`. */
  readonly actor: string;
  readonly host: string;
  readonly pid: number;
  now(): Date;
  randomBytes(count: number): Buffer;
  env(name: string): string | undefined;
  /** Opened on first use, with the schema in shape. */
  catalog(): Promise<Catalog>;
  /** Opened on first use, whatever its schema is. */
  bareCatalog(): Promise<Catalog>;
  /**
   * For those who need a short look only: the embedded catalog is closed again, so that others need not wait for a long
   * run. Undefined where there is no catalog yet.
   */
  withCatalog<T>(look: (catalog: Catalog) => Promise<T>): Promise<T | undefined>;
  /** With retries. The caller closes it. */
  openStore(config: StoreConfig): Promise<Store>;
  /** The key that seals secrets; made on first use when `create`. Undefined when there is none. */
  sealingKey(create: boolean): Promise<Buffer | undefined>;
  readFile(path: string): Promise<string>;
  /** A line for people while the operation goes on (waiting for a lock, ...). */
  notice(message: string): void;
}
