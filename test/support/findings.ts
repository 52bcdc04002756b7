import type { FeedctlResult } from "./feedctl.ts";

/** What `verify --json` found, a line each: `differ: KEY: REASON`. */
export function findingsOf(result: FeedctlResult): string {
  return result
    .events()
    .filter(({ type }) => type === "finding")
    .map(({ finding, key, reason }) => `${String(finding)}: ${String(key)}: ${String(reason)}`)
    .join("\n");
}
