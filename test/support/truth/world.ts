import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Installation } from "../databases.ts";
import { type Change, compareStates, isBelow, listDirectory, type ListBlobs, readState, type State } from "./state.ts";

/** The store of one feed, used without feedctl. */
export interface Place {
  list: ListBlobs;
  put(key: string, bytes: Buffer): Promise<void>;
  /** Arguments of `store set` and `migrate run --to`. */
  options: readonly string[];
}

export interface World {
  place: Installation;
  /** The stores of the feeds `pk` (npm) and `site` (assets). */
  places: Readonly<Record<"pk" | "site", Place>>;
  /** Writes a file below the sandbox and returns its path. */
  write(path: string, bytes: string | Buffer): string;
}

/** One event or document that a command prints with --json. */
export type Answer = Record<string, unknown>;

export interface Step {
  /** The words of the command. */
  command: string;
  args(world: World): string[];
  /** What the step needs, and feedctl does not do itself. */
  prepare?: ((world: World) => unknown) | undefined;
  /** Exit status; default 0. */
  code?: number;
  /** Prefixes of the facts that may change; everything else must stay as it is. */
  may: readonly string[];
  /** What the command says, and what happened. `last` is the document, or the last of the events. */
  claims(last: Answer, change: Change, events: readonly Answer[], world: World): { said: unknown; is: unknown };
  /** Runs on a disk only: no store, or any store, changes in the same way. */
  diskOnly?: boolean;
  /** Rows and blobs differ after this step. */
  leavesDifference?: boolean;
}

export function worldOf(place: Installation, places: World["places"]): World {
  return {
    place,
    places,
    write(path, bytes) {
      const file = place.path(path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      return file;
    },
  };
}

/**
 * Runs one step, and asserts that what feedctl reports is what changed. `known` is the state after the step before;
 * returns the one after this.
 */
export async function runStep(world: World, step: Step, known: State | undefined): Promise<State> {
  const { place, places } = world;
  const lists = Object.fromEntries(Object.entries(places).map(([name, { list }]) => [name, list]));
  await step.prepare?.(world);
  const before = step.prepare === undefined && known !== undefined ? known : await readState(place, lists);
  const line = [...step.command.split(" "), ...step.args(world), "--json"];
  const answer = await place.exits(step.code ?? 0, ...line);
  const after = await readState(place, lists);
  const change = compareStates(before, after);
  const about = `feedctl ${line.join(" ")}\n${answer.stdout}${answer.stderr}`;
  const unexpected = change.all.filter((name) => !step.may.some((prefix) => isBelow(name, prefix)));
  assert.deepEqual(unexpected, [], `changed unexpectedly by ${about}`);
  const events = answer.stdout
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as Answer);
  const { said, is } = step.claims(events.at(-1) ?? {}, change, events, world);
  assert.deepEqual(said, is, about);
  if (step.leavesDifference) return after;
  for (const name of Object.keys(places)) {
    const rows = [...after].filter(([fact]) => fact.startsWith(`file/${name}/`) || fact.startsWith(`kept/${name}/`));
    const blobs = [...after].filter(([fact]) => fact.startsWith(`blob/${name}/`));
    const plain = (facts: typeof rows) => facts.map(([fact, size]) => `${fact.split("/").slice(2).join("/")} ${size}`);
    assert.deepEqual(plain(rows).toSorted(), plain(blobs).toSorted(), `rows and blobs of ${name} after ${about}`);
  }
  return after;
}

export function diskPlace(folder: string): Place {
  mkdirSync(folder, { recursive: true });
  return {
    list: listDirectory(folder),
    async put(key, bytes) {
      mkdirSync(dirname(join(folder, key)), { recursive: true });
      writeFileSync(join(folder, key), bytes);
    },
    options: ["disk", "--path", folder],
  };
}
