import type { Schedule } from "./schedule.ts";

/** One process of feedctl. */
export interface Actor {
  readonly name: string;
  readonly schedule: Schedule;
  state: "new" | "running" | "ended" | "crashed";
  /** Whether the connection that held its locks was cut. */
  hasLostLocks?: boolean;
  start(): Promise<void>;
  /** Ends the sessions of a process that died. */
  disconnect(): Promise<void>;
  /** Its sessions with the catalog that can be cut. */
  sessions(): Session[];
}

export interface Session {
  readonly name: string;
  /** Whether the locks of its process are lost with it. */
  readonly hasLocks: boolean;
  cut(): Promise<void>;
}

export type Outcome = { value: unknown } | { error: unknown };

/** `begin` and `commit` of a transaction, another `statement`, a request that may `change` a store, one that may only `read`. */
export type CallKind = "begin" | "commit" | "statement" | "change" | "read";

/** A request of an actor to its store or catalog. */
export interface Call {
  readonly actor: Actor;
  readonly label: string;
  readonly kind: CallKind;
  /** Takes effect. Resolves to undefined while a lock blocks it; then `blocked` is asked again. */
  perform(): Promise<Outcome | undefined>;
  /** Resolves to the outcome of a blocked call; undefined while it is still blocked. */
  blocked?(): Promise<Outcome | undefined>;
  /** Whether it has released locks that may block others. Absent: it cannot. */
  releases?(): Promise<boolean>;
  /** The session that carries it; absent for a request to a store. */
  readonly session?: Session;
  /** The error of a request whose answer never comes. Absent: the session breaks instead. */
  timeout?: () => unknown;
  /** Reverts an effect that was not flushed. Absent: it is durable at once. */
  revert?: (() => void) | undefined;
  answer(outcome: Outcome): void;
  state: "sent" | "blocked" | "performed";
  outcome?: Outcome;
}

export function isAlive({ state }: Actor): boolean {
  return state === "new" || state === "running";
}
