import type { Catalog } from "../../catalog/connection/catalog.ts";
import type { Io } from "./io.ts";

export interface Clock {
  /** The time of the catalog's server, once it was compared; until then, and without a server, of this machine. */
  now(): Date;
  /** Asks the catalog's server for its time. Returns how many milliseconds this machine is ahead of it. */
  compare(catalog: Catalog): Promise<number>;
}

/**
 * A clock that follows that of the catalog's server: the times that are recorded, and ages, must not depend on which
 * machine runs feedctl. The embedded catalog has no clock of its own.
 */
export function createClock(io: Pick<Io, "now">): Clock {
  let ahead = 0;
  return {
    now: () => new Date(io.now().getTime() - ahead),
    async compare(catalog) {
      if (catalog.kind === "pglite") return 0;
      const { readClock } = await import("../../catalog/clock.ts");
      const asked = io.now().getTime();
      const server = (await readClock(catalog.db)).getTime();
      const answered = io.now().getTime();
      // the server read its clock at an unknown moment in between
      ahead = server < asked ? asked - server : Math.min(0, answered - server);
      return ahead;
    },
  };
}
