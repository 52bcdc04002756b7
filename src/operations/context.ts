import type { Catalog } from "../catalog/connection/catalog.ts";
import type { SealingSecret } from "../lib/bytes/seal.ts";
import type { Store } from "../stores/store.ts";
import type { OpenOptions, StoreConfig } from "../stores/providers.ts";

/**
 * Everything that an operation uses from outside: settings, clock, randomness, stores. Built at the edge, or by a test.
 */
export interface Context {
  /** Directory of this installation: the embedded catalog, the default packages directory, the key file. */
  readonly dataDir: string;
  /** Settings of the configuration file, such as `Storage.*`, by name. */
  readonly configuredSettings: ReadonlyMap<string, string>;
  /** Store profiles of the configuration file by name; their secrets may still be references. */
  readonly storeProfiles: ReadonlyMap<string, StoreConfig>;
  /** How many blobs are processed in parallel. */
  readonly concurrency: number;
  /** Milliseconds to wait for a lock before `locked` is thrown. */
  readonly lockWait: number;
  readonly signal: AbortSignal;
  readonly platform: NodeJS.Platform;
  /** Name of the user, for runs and the audit log. */
  readonly actor: string;
  readonly host: string;
  readonly pid: number;
  /** The time by the clock of the catalog's server; before it is open, and without a server, by that of this machine. */
  now(): Date;
  /**
   * How many milliseconds this machine's clock is ahead of that of the catalog's server, asked anew. 0 for the embedded
   * catalog, which has no clock of its own.
   */
  clockAhead(): Promise<number>;
  /** Milliseconds on a clock that nobody sets: for durations. Only differences mean something. */
  monotonic(): number;
  /** Resolves after so many milliseconds on that clock. Rejects when `signal` is aborted. */
  sleep(milliseconds: number): Promise<void>;
  randomBytes(count: number): Buffer;
  env(name: string): string | undefined;
  /**
   * The catalog, opened on first use, with the schema of this version. A failure is not kept. Throws `unavailable` when it
   * does not exist.
   */
  catalog(): Promise<Catalog>;
  /** The same, but creates it when it does not exist, with a notice. */
  createCatalog(): Promise<Catalog>;
  /** The catalog, opened on first use, whatever the version of its schema. Without `create` it must exist. */
  bareCatalog(options: { create: boolean }): Promise<Catalog>;
  /**
   * Runs a short query. The embedded catalog is closed afterwards, so that a long run without further queries does not
   * lock it. Undefined when the catalog does not exist yet.
   */
  withCatalog<T>(look: (catalog: Catalog) => Promise<T>): Promise<T | undefined>;
  /** Closes the embedded catalog if it is open, so that other processes can use it. The next use opens it again. */
  releaseCatalog(): Promise<void>;
  /** Opens a store with retries. The caller closes it. */
  openStore(config: StoreConfig, options?: Pick<OpenOptions, "known">): Promise<Store>;
  /**
   * What secrets are sealed with: a key or a passphrase. Created on first use with `create`, which also warns of a weak
   * passphrase. Undefined when it does not exist.
   */
  sealingSecret(create: boolean): Promise<SealingSecret | undefined>;
  readFile(path: string): Promise<string>;
  /**
   * Prints a line for people while the operation runs, such as waiting for a lock. `failed`: it reports an item that
   * failed while the others went on, so the command ends with `partial` instead of success.
   */
  notice(message: string, about?: { failed: boolean }): void;
}
