import type { TimerOptions } from "node:timers";
import { isAlive, type Actor, type Call, type Outcome, type Session } from "./actor.ts";
import { quiet } from "./quiet.ts";
import type { Stop } from "./stops.ts";
import type { Random } from "../support/random.ts";

interface Timer {
  actor: Actor;
  due: number;
  fire(): void;
}

/** Something that one of the sixteen rules forbids, or that must never happen. */
export class Violation extends Error {}

/**
 * What feedctl does not promise: a process that has lost its locks may still send the overwrite of a blob that it
 * announced before, because a store cannot be asked to refuse that. `verify` finds it. The schedule proves nothing more.
 */
export class KnownLimit extends Violation {}

const MOST_MOVES = 4000;
/** How often a blocked statement is asked for, a few milliseconds each, when nothing else can continue. */
const MOST_TRIES = 1000;

export interface Faults {
  /** How many crashes, cuts and lost answers there may be. */
  budget: number;
  /** Probability that a move is one of them. */
  chance: number;
}

/**
 * Decides, move by move, which actor continues, which request takes effect and is answered when, and what fails. All
 * actors wait while one moves, so that a seed reproduces everything.
 */
export class Schedule {
  /** Milliseconds of virtual time. */
  time = 0;
  /** When false, every request takes effect and is answered at once. */
  active = true;
  readonly trace: string[] = [];
  /** Rules that were broken so far. */
  readonly violations: Violation[] = [];
  readonly random: Random;
  /** Calls so far, those of the calm ends included. */
  count = 0;
  #calls: Call[] = [];
  #timers: Timer[] = [];
  #faults: Faults;
  #favourite: Actor | undefined;
  #stop: Stop | undefined;

  constructor(random: Random, faults: Faults) {
    this.random = random;
    this.#faults = faults;
  }

  async call<T>(call: Omit<Call, "state" | "answer">): Promise<T> {
    if (call.actor.state === "crashed") return never();
    this.count++;
    if (!this.active) return settled(await undisturbed(call)) as T;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#calls.push({ ...call, state: "sent", answer: resolve });
    return settled(await promise) as T;
  }

  wait(actor: Actor, milliseconds: number, { signal, ref }: TimerOptions = {}): Promise<void> {
    if (actor.state === "crashed") return never();
    // undisturbed, only what the work itself waits for ends
    if (!this.active && ref !== false) {
      this.time += milliseconds;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const remove = () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        signal?.removeEventListener("abort", abort);
      };
      const abort = () => {
        remove();
        reject(signal?.reason);
      };
      const timer: Timer = {
        actor,
        due: this.time + milliseconds,
        fire: () => {
          remove();
          resolve();
        },
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", abort);
      this.#timers.push(timer);
    });
  }

  /** Runs the actors until each has ended or crashed. `stop`: a moment at which one of them is stopped. */
  async run(actors: readonly Actor[], stop?: Stop): Promise<void> {
    this.#stop = stop;
    for (let move = 0; actors.some(isAlive); move++) {
      if (move > MOST_MOVES) throw new Violation(`no end after ${move} moves`);
      if (this.#faults.budget > 0 && this.random.chance(this.#faults.chance)) {
        if (await this.#fault(actors)) this.#faults.budget--;
      } else await this.#move(actors);
      await quiet();
      if (this.violations[0] !== undefined) throw this.violations[0];
    }
  }

  async #move(actors: readonly Actor[]): Promise<void> {
    const ready = actors.filter((actor) => actor.state === "new" || this.#callsOf(actor).some(isOpen));
    const able = this.#stop?.allow(ready, actors) ?? ready;
    const timer = this.#timers.toSorted((a, b) => a.due - b.due)[0];
    if (able.length === 0 && timer === undefined) return this.#unblock(true);
    if (timer !== undefined && (able.length === 0 || this.random.chance(0.02))) {
      this.time = Math.max(this.time, timer.due);
      this.#note(timer.actor, "wakes up");
      return timer.fire();
    }
    const actor = this.#pick(able);
    if (actor.state === "new") {
      actor.state = "running";
      this.#note(actor, "starts");
      return void actor.start();
    }
    const call = this.random.pick(this.#callsOf(actor).filter(isOpen));
    if (call.state === "sent" && this.#stop?.isAt(call) === true) return this.#stopBefore(call, this.#stop);
    const late = call.state === "sent" && this.random.chance(0.1);
    if (call.state === "sent") await this.#perform(call);
    if (!late && call.outcome !== undefined) this.#answer(call);
  }

  /** Stops a process before a request, until another one has ended; while it is stopped it may lose its locks. */
  async #stopBefore({ actor, label }: Call, stop: Stop): Promise<void> {
    this.#note(actor, `is stopped before ${label}`);
    stop.begin();
    this.#favourite = undefined;
    const session = stop.losesLocks ? actor.sessions().find(({ hasLocks }) => hasLocks) : undefined;
    if (session !== undefined) await this.#lose(actor, session);
  }

  /** Mostly the favourite of the moment, so that one actor may do all its work between two moves of another. */
  #pick(able: readonly Actor[]): Actor {
    if (this.random.chance(0.06)) this.#favourite = this.random.chance(0.7) ? this.random.pick(able) : undefined;
    const favourite = this.#favourite;
    if (favourite !== undefined && able.includes(favourite) && this.random.chance(0.95)) return favourite;
    return this.random.pick(able);
  }

  async #perform(call: Call): Promise<void> {
    this.#note(call.actor, call.label);
    const outcome = await call.perform();
    if (outcome === undefined) call.state = "blocked";
    else Object.assign(call, { state: "performed", outcome });
    if (call.state === "blocked") this.#note(call.actor, "is blocked");
    else if (await call.releases?.()) await this.#unblock(false);
  }

  /** Finds out which blocked calls have come through since. */
  async #unblock(must: boolean): Promise<void> {
    let came = 0;
    for (let tries = 0; came === 0 && tries < (must ? MOST_TRIES : 1); tries++)
      for (const call of this.#calls) {
        if (call.state !== "blocked") continue;
        const outcome = await call.blocked?.();
        if (outcome === undefined) continue;
        Object.assign(call, { state: "performed", outcome });
        came++;
      }
    if (must && came === 0) throw new Violation("all processes wait for one another");
  }

  #answer(call: Call): void {
    this.#remove([call]);
    if (call.outcome !== undefined && "error" in call.outcome)
      this.#note(call.actor, `gets ${String(call.outcome.error)}`);
    call.answer(call.outcome ?? { error: new Error("no outcome") });
  }

  /** Makes one fault, if the one that was drawn is possible now. */
  async #fault(actors: readonly Actor[]): Promise<boolean> {
    const running = actors.filter(({ state }) => state === "running");
    if (running.length === 0) return false;
    const actor = this.random.pick(running);
    const kind = this.random.next();
    if (kind < 0.25) return this.#crash([actor], false);
    if (kind < 0.6) return this.#cut(actor, actors);
    if (kind < 0.7) return this.#crash(running, true);
    const sent = this.#callsOf(actor).filter(({ state, timeout }) => state !== "blocked" && timeout !== undefined);
    if (sent.length === 0) return false;
    const call = this.random.pick(sent);
    return kind < 0.85 ? this.#twice(call) : this.#unanswered(call);
  }

  async #cut(actor: Actor, actors: readonly Actor[]): Promise<boolean> {
    const sessions = actor.sessions();
    if (sessions.length === 0) return false;
    const withLocks = sessions.filter(({ hasLocks }) => hasLocks);
    await this.#lose(actor, this.random.pick(withLocks.length > 0 && this.random.chance(0.5) ? withLocks : sessions));
    // others take over what it held before it notices
    this.#favourite = this.random.pick(actors.filter((other) => other !== actor && isAlive(other)).concat(actor));
    return true;
  }

  async #lose(actor: Actor, session: Session): Promise<void> {
    // a statement that is on its way may be carried out all the same
    const calls = this.#callsOf(actor).filter((call) => call.session === session);
    for (const call of calls) if (call.state === "sent" && this.random.chance(0.5)) await this.#perform(call);
    this.#note(actor, `loses ${session.name}`);
    this.#remove(calls);
    if (session.hasLocks) actor.hasLostLocks = true;
    await session.cut();
    await this.#unblock(false);
  }

  /** The request is carried out twice, as when its sender repeats it before the first answer arrives. */
  async #twice(call: Call): Promise<boolean> {
    if (call.state === "sent") await this.#perform(call);
    this.#note(call.actor, "repeats:");
    await this.#perform(call);
    return true;
  }

  async #unanswered(call: Call): Promise<boolean> {
    if (call.state === "sent" && this.random.chance(0.5)) await this.#perform(call);
    this.#note(call.actor, `gets no answer to ${call.label}`);
    this.#remove([call]);
    call.answer({ error: call.timeout?.() });
    return true;
  }

  /** `power`: of the whole machine, so that what was not flushed may be lost. */
  async #crash(victims: readonly Actor[], power: boolean): Promise<boolean> {
    for (const actor of victims) {
      for (const call of this.#callsOf(actor))
        if (call.state === "sent" && this.random.chance(0.5)) await this.#perform(call);
      this.#note(actor, power ? "loses power" : "crashes");
      actor.state = "crashed";
      const calls = this.#callsOf(actor);
      this.#remove(calls);
      for (const call of calls) if (power && call.state === "performed" && this.random.chance(0.5)) call.revert?.();
      this.#timers = this.#timers.filter((timer) => timer.actor !== actor);
      await actor.disconnect();
    }
    await this.#unblock(false);
    return true;
  }

  #callsOf(actor: Actor): Call[] {
    return this.#calls.filter((call) => call.actor === actor);
  }

  #remove(calls: readonly Call[]): void {
    this.#calls = this.#calls.filter((call) => !calls.includes(call));
  }

  #note(actor: Actor, what: string): void {
    this.trace.push(`${actor.name}: ${what}`);
  }
}

/** The outcome of a call beside which no other process runs; statements of the same one may block it. */
async function undisturbed(call: Pick<Call, "label" | "perform" | "blocked">): Promise<Outcome> {
  let outcome = await call.perform();
  for (let tries = 0; outcome === undefined && tries < MOST_TRIES; tries++) outcome = await call.blocked?.();
  return outcome ?? { error: new Violation(`${call.label} is blocked`) };
}

function isOpen({ state }: Call): boolean {
  return state !== "blocked";
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

function settled(outcome: Outcome): unknown {
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}
