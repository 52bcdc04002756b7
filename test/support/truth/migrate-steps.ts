import { npmTarball } from "../fixtures/packages.ts";
import type { Change } from "./state.ts";
import type { Answer, Step, World } from "./world.ts";

const target = (world: World, name: string): string[] => ["--to", "disk", "--path", world.place.path("stores", name)];

function copied(last: Answer, change: Change, place: string) {
  const { count, bytes } = change.added(`blob/${place}`);
  return { said: [last["outcome"], last["copied"], last["bytes"], last["failed"]], is: [count, bytes] };
}

/** A pass that copies to a place, and how it ends. */
function pass(command: string, outcome: string, place: string, args: Step["args"], prepare?: Step["prepare"]): Step {
  return {
    command,
    args,
    prepare,
    may: [`blob/${place}`, "migration/pk", "store/pk"],
    leavesDifference: true,
    claims(last, change) {
      const { said, is } = copied(last, change, place);
      return { said, is: [outcome, ...is, 0] };
    },
  };
}

/** A feed moves from its store to the disk `second`, back, there again, and not to the disk `third`. */
export const migrateSteps: readonly Step[] = [
  pass("migrate start", "ready", "second", (world) => ["pk", ...target(world, "second")]),
  {
    command: "migrate pause",
    args: () => ["pk"],
    may: ["migration/pk"],
    leavesDifference: true,
    claims: (last, change, _events) => ({
      said: last["outcome"],
      is: change.changed("migration/pk").count === 1 ? "done" : "",
    }),
  },
  pass(
    "migrate resume",
    "ready",
    "second",
    () => ["pk"],
    async ({ place, write }) => {
      await place.run("import", "pk", write("more/more.tgz", npmTarball({ name: "more", version: "1.0.0" })));
    },
  ),
  pass("migrate cutover", "switched", "second", () => ["pk"]),
  pass("migrate rollback", "switched", "pk", () => ["pk"]),
  pass("migrate run", "switched", "second", (world) => ["pk", ...target(world, "second")]),
  {
    command: "migrate retire",
    args: () => ["pk", "--yes"],
    may: ["blob/pk", "migration/pk", "store/pk"],
    leavesDifference: true,
    claims(last, change) {
      const { count, bytes } = change.removed("blob/pk");
      return { said: [last["deleted"], last["bytes"], last["kept"], last["failed"]], is: [count, bytes, 0, 0] };
    },
  },
  {
    command: "migrate cancel",
    prepare: (world) => world.place.run("migrate", "start", "pk", ...target(world, "third")),
    args: () => ["pk"],
    may: ["blob/third", "migration/pk", "store/pk"],
    leavesDifference: true,
    claims: (last, change) => ({
      said: [last["removed"], last["left"]],
      is: [change.removed("blob/third").count, 0],
    }),
  },
];
