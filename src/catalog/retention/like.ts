import { sql, type RawBuilder } from "kysely";

type Sql = RawBuilder<unknown>;

// Patterns: `*` matches any text, and ASCII letters match in either case.

/** SQL: the displayed name of `packages p`, in lower case. */
export const shownName = sql`lower((case when p.group_name = '' then p.name else p.group_name || '/' || p.name end) collate "C")`;

/** Converts a pattern to a `LIKE` pattern: `*` becomes `%`, everything else is literal. */
function likeOf(pattern: string): string {
  return pattern
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replaceAll(/[\\%_]/g, "\\$&")
    .replaceAll("*", "%");
}

/** The same conversion in SQL. */
export function likePattern(pattern: Sql): Sql {
  return sql`replace(replace(replace(replace(lower(${pattern} collate "C"), '\\', '\\\\'), '%', '\\%'), '_', '\\_'), '*', '%')`;
}

/** Whether `text`, which must be in lower case, matches one of the patterns. */
export function anyLike(text: Sql, patterns: readonly string[]): Sql {
  return sql`(${sql.join(
    patterns.map((pattern) => sql`${text} like ${likeOf(pattern)}::text collate "C"`),
    sql` or `,
  )})`;
}

/** Whether a protection (`package protect`) or a tag names the version of `packages p` and `versions v`. */
export const isProtected = sql`(exists (select from feedctl.dist_tags t where t.version_id = v.id) or exists (select from feedctl.protections r where r.feed_id = p.feed_id
  and ${shownName} like ${likePattern(sql`r.package`)}
  and (lower(v.version collate "C") like ${likePattern(sql`r.version`)}
    or lower(v.normalized_version) like ${likePattern(sql`r.version`)})))`;
