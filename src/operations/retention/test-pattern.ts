import { listMatches, type PatternMatch } from "../../catalog/retention/matches.ts";
import type { Context } from "../context.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { packagePattern } from "./terms.ts";

export type { PatternMatch } from "../../catalog/retention/matches.ts";

/** What a pattern of a rule matches in a feed now: packages by their names, then versions; or files by their paths. */
export async function* testPattern(context: Context, feedName: string, pattern: string): AsyncGenerator<PatternMatch> {
  const { db: catalog } = await context.catalog();
  const db = await catalog.startTransaction().setIsolationLevel("repeatable read").execute();
  try {
    const feed = await requireFeed(db, feedName);
    yield* listMatches(db, feed, { name: packagePattern(feed.type, pattern), version: pattern });
  } finally {
    // a broken connection has no transaction any more
    await db
      .rollback()
      .execute()
      .catch(() => {});
  }
}
