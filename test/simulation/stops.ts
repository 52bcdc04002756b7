import { isAlive, type Actor, type Call, type CallKind } from "./actor.ts";
import type { Random } from "../support/random.ts";

/** Before which requests a process is stopped; which of them it is: one of the first, or of so many. */
const MOMENTS: readonly { kinds: readonly CallKind[]; first: number; most: number }[] = [
  { kinds: ["begin"], first: 3, most: 14 },
  { kinds: ["begin"], first: 3, most: 14 },
  { kinds: ["commit"], first: 3, most: 14 },
  { kinds: ["change"], first: 1, most: 5 },
  { kinds: ["change"], first: 1, most: 5 },
  { kinds: ["begin", "commit", "change", "statement", "read"], first: 30, most: 90 },
];

/**
 * One process is stopped before a request that was drawn, while the others go on until one of them has ended. Random
 * moves alone seldom let another process do all its work between two requests.
 */
export class Stop {
  /** Whether its locks are lost meanwhile. */
  readonly losesLocks: boolean;
  readonly #actor: Actor;
  readonly #kinds: readonly CallKind[];
  /** Whether the others start only then. */
  readonly #isFirst: boolean;
  #before: number;
  /** How many processes were alive when it was stopped. */
  #alive: number | undefined;
  #state: "before" | "now" | "over" = "before";

  constructor(random: Random, actors: readonly Actor[], losesLocks: boolean) {
    const { kinds, first, most } = random.pick(MOMENTS);
    // the first two meet at the same thing more often than others
    this.#actor = random.chance(0.5) ? actors[0]! : random.pick(actors);
    this.#kinds = kinds;
    this.#before = random.below(random.chance(0.5) ? first : most);
    this.#isFirst = random.chance(0.75);
    this.losesLocks = losesLocks;
  }

  /** Whether the process is stopped before this request. */
  isAt({ actor, kind }: Call): boolean {
    return this.#state === "before" && actor === this.#actor && this.#kinds.includes(kind) && this.#before-- === 0;
  }

  begin(): void {
    this.#state = "now";
  }

  /** Which of those that are ready may continue. `actors`: all. */
  allow(ready: readonly Actor[], actors: readonly Actor[]): readonly Actor[] {
    if (!isAlive(this.#actor)) this.#state = "over";
    if (this.#state === "over" || (this.#state === "before" && !this.#isFirst)) return ready;
    if (this.#state === "before") return ready.filter((actor) => actor === this.#actor || actor.state !== "new");
    const alive = actors.filter(isAlive).length;
    this.#alive ??= alive;
    const others = ready.filter((actor) => actor !== this.#actor);
    // the others may be waiting for it
    if (alive === this.#alive && others.length > 0) return others;
    this.#state = "over";
    return ready;
  }
}
