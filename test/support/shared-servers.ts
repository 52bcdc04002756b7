import { randomBytes } from "node:crypto";

/** Servers that the test runner started (or was given) for all test files of a run. */
export interface SharedServers {
  postgres?: {
    url: string;
    /** Which server it is and where it came from. */
    server: string;
    /** The URL of a database with feedctl's newest schema, for copies. */
    template: string;
  };
  /** Also absent when the environment names an account, which each helper reads itself. */
  azurite?: { connectionString: string };
  s3?: { kind: "versitygw" | "weed" | "fauxqs"; endpoint: string };
  /** The directory of an embedded catalog with the newest schema, for copies. */
  embedded?: string;
}

const variable = "FEEDCTL_TEST_SHARED_SERVERS";

/** The shared servers. Empty in a test file that is run alone, which starts its own servers. */
export function sharedServers(): SharedServers {
  return JSON.parse(process.env[variable] || "{}") as SharedServers;
}

/** Passes the servers to processes that are started afterwards. */
export function shareServers(servers: SharedServers): void {
  process.env[variable] = JSON.stringify(servers);
}

/** A name for a bucket or container that no other test file uses: servers are shared by files that run at once. */
export function uniqueName(base: string): string {
  return `${base}-${randomBytes(5).toString("hex")}`;
}
