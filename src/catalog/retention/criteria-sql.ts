import { sql, type RawBuilder } from "kysely";

/** Sort keys between two bounds; null: open to that side. */
export interface KeyRange {
  /** Hex. */
  from: string | null;
  fromIncluded: boolean;
  to: string | null;
  toIncluded: boolean;
  /** Prereleases are not meant. */
  stableOnly: boolean;
}

/** A rule as SQL needs it: days have become dates, ranges sort keys. What is undefined or empty says nothing. */
export interface RuleQuery {
  position: number;
  /** What it looks at: versions of packages, or of an asset directory either its files or what is kept of earlier ones. */
  of: "versions" | "files" | "history";
  cached: boolean;
  prerelease: boolean;
  unlisted: boolean;
  deprecated: boolean;
  /** Prereleases with a newer stable version in their package. */
  superseded: boolean;
  /** Lists of patterns: `*` stands for any characters, letter case of ASCII means nothing. Of assets the paths are meant. */
  deletePackages: readonly string[];
  keepPackages: readonly string[];
  deleteVersions: readonly string[];
  keepVersions: readonly string[];
  ranges: readonly KeyRange[] | undefined;
  keepCount: number | undefined;
  keepPer: "package" | "major" | "minor";
  /** Versions used since then are kept. */
  usedSince: Date | undefined;
  /** Only versions published then or earlier qualify. */
  publishedBefore: Date | undefined;
  /** Versions with more downloads are kept. */
  mostDownloads: number | undefined;
  keepLastStable: boolean;
  keepStableNewer: boolean;
  maxBytes: number | undefined;
  maxCount: number | undefined;
  quotaOf: "feed" | "matching";
  protectAcross: boolean;
}

type Test = RawBuilder<unknown>;

/** A criterion by its name in the rules, and whether a version `w` meets it. */
export interface Criterion {
  name: string;
  test: Test;
}

/** Of `packages p`: the name that is shown, without letter case. */
export const shownName = sql`lower((case when p.group_name = '' then p.name else p.group_name || '/' || p.name end) collate "C")`;

/** The first two numbers of a version with an epoch before them; a second one that is missing is 0. */
const lines = {
  package: sql`''`,
  major: sql`substring(w.normalized from '^(?:[0-9]+[:!])?[^0-9]*[0-9]+')`,
  minor: sql`(substring(w.normalized from '^(?:[0-9]+[:!])?[^0-9]*[0-9]+') ||
    coalesce(substring(w.normalized from '^(?:[0-9]+[:!])?[^0-9]*[0-9]+([.][0-9]+)'), '.0'))`,
};

/** What a version must be for the rule to look at it: keep-N counts among these. */
export function filtersOf(rule: RuleQuery, feedId: number): Criterion[] {
  const packages = (patterns: readonly string[]) =>
    rule.of !== "versions"
      ? anyLike(sql`w.name`, patterns)
      : sql`w.package_id in (select p.id from feedctl.packages p where p.feed_id = ${feedId}::int and ${anyLike(shownName, patterns)})`;
  const all: (Criterion | false)[] = [
    rule.of !== "versions" && { name: "deleteHistory", test: isMeant(rule) },
    rule.cached && { name: "deleteCached", test: sql`w.cached` },
    rule.prerelease && { name: "deletePrereleaseVersions", test: sql`w.prerelease` },
    rule.unlisted && { name: "deleteUnlisted", test: sql`not w.listed` },
    rule.deprecated && { name: "deleteDeprecated", test: sql`w.deprecated` },
    rule.superseded && {
      name: "deleteSuperseded",
      test: sql`(w.prerelease and coalesce(w.rank > w.newest_stable, false))`,
    },
    rule.deletePackages.length > 0 && { name: "deletePackageIds", test: packages(rule.deletePackages) },
    rule.keepPackages.length > 0 && { name: "keepPackageIds", test: sql`not (${packages(rule.keepPackages)})` },
    rule.deleteVersions.length > 0 && { name: "deleteVersions", test: versionLike(rule.deleteVersions) },
    rule.keepVersions.length > 0 && { name: "keepVersions", test: sql`not ${versionLike(rule.keepVersions)}` },
    rule.ranges !== undefined && { name: "versionsRange", test: inRanges(rule.ranges) },
  ];
  return all.filter((each) => each !== false);
}

/** What else must hold of a version that passed the filters. `place` counts them, the newest of its line first. */
export function conditionsOf(rule: RuleQuery): Criterion[] {
  const all: (Criterion | false)[] = [
    rule.keepCount !== undefined && { name: "keepVersionsCount", test: sql`w.place > ${rule.keepCount}::bigint` },
    rule.publishedBefore !== undefined && {
      name: "olderThanDays",
      test: sql`w.published_at <= ${rule.publishedBefore}::timestamptz`,
    },
    rule.usedSince !== undefined && {
      name: "keepUsedWithinDays",
      test: sql`w.used_at < ${rule.usedSince}::timestamptz`,
    },
    rule.mostDownloads !== undefined && {
      name: "triggerDownloadCount",
      test: sql`w.downloads <= ${rule.mostDownloads}::bigint`,
    },
    rule.keepLastStable && { name: "keepLastStable", test: sql`w.rank is distinct from w.newest_stable` },
    rule.keepStableNewer && {
      name: "keepStableNewer",
      test: sql`(w.prerelease or w.newest_prerelease is null or w.rank > w.newest_prerelease)`,
    },
  ];
  return all.filter((each) => each !== false);
}

/** Of `w`, planned assets: the rule looks at them. */
export function isMeant({ of }: RuleQuery): Test {
  return of === "versions" ? sql`true` : of === "history" ? sql`w.history` : sql`not w.history`;
}

/** With `--protect-across-rules`: what each keep criterion keeps, of all versions. */
export function keepsOf(rule: RuleQuery, feedId: number): Test[] {
  const selected = every(filtersOf(rule, feedId));
  const keeping = new Set(["keepPackageIds", "keepVersions", "keepUsedWithinDays", "triggerDownloadCount"]);
  const stable = new Set(["keepLastStable", "keepStableNewer"]);
  return [
    ...filtersOf(rule, feedId).filter(({ name }) => keeping.has(name)),
    ...conditionsOf(rule).filter(({ name }) => keeping.has(name) || stable.has(name)),
  ]
    .map(({ test }) => sql`not (${test})`)
    .concat(rule.keepCount === undefined ? [] : [sql`((${selected}) and w.place <= ${rule.keepCount}::bigint)`]);
}

export function every(criteria: readonly Criterion[]): Test {
  if (criteria.length === 0) return sql`true`;
  return sql.join(
    criteria.map(({ test }) => test),
    sql` and `,
  );
}

/** Versions as `w`, with the ranks of the newest stable version and prerelease of their package among `from`. */
export function ranked(rule: RuleQuery, from: Test): Test {
  if (!rule.superseded && !rule.keepLastStable && !rule.keepStableNewer) return sql`(select w.* from ${from})`;
  return sql`(select w.*, min(w.rank) filter (where not w.prerelease) over of_package as newest_stable,
      min(w.rank) filter (where w.prerelease) over of_package as newest_prerelease
    from ${from} window of_package as (partition by w.package_id))`;
}

/** The place among versions that are alike in `apart`; null where no rule asks for it. */
export function placeOf(rule: RuleQuery, apart: Test = sql`true`): Test {
  if (rule.keepCount === undefined) return sql`null::bigint`;
  const line = rule.keepPer === "package" ? sql`` : sql`, ${lines[rule.keepPer]}`;
  return sql`row_number() over (partition by w.package_id${line}, (${apart}) order by w.rank)`;
}

/** `LIKE` patterns: only `*` means something. */
function likeOf(pattern: string): string {
  return pattern
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replaceAll(/[\\%_]/g, "\\$&")
    .replaceAll("*", "%");
}

/** The same in SQL. */
export function likePattern(pattern: Test): Test {
  return sql`replace(replace(replace(replace(lower(${pattern} collate "C"), '\\', '\\\\'), '%', '\\%'), '_', '\\_'), '*', '%')`;
}

/** Of `packages p` and `versions v`: `package protect` names it. */
export const isProtected = sql`exists (select from feedctl.protections r where r.feed_id = p.feed_id
  and ${shownName} like ${likePattern(sql`r.package`)}
  and (lower(v.version collate "C") like ${likePattern(sql`r.version`)}
    or lower(v.normalized_version) like ${likePattern(sql`r.version`)}))`;

function anyLike(text: Test, patterns: readonly string[]): Test {
  return sql`(${sql.join(
    patterns.map((pattern) => sql`${text} like ${likeOf(pattern)}::text collate "C"`),
    sql` or `,
  )})`;
}

/** As the version was written, or normalised. */
function versionLike(patterns: readonly string[]): Test {
  return sql`(${anyLike(sql`w.version`, patterns)} or ${anyLike(sql`w.normalized`, patterns)})`;
}

function inRanges(ranges: readonly KeyRange[]): Test {
  if (ranges.length === 0) return sql`false`;
  const bound = (key: string, operator: string) => sql`w.sort_key ${sql.raw(operator)} decode(${key}, 'hex')`;
  const tests = ranges.map(({ from, fromIncluded, to, toIncluded, stableOnly }) =>
    sql.join(
      [
        sql`true`,
        ...(from === null ? [] : [bound(from, fromIncluded ? ">=" : ">")]),
        ...(to === null ? [] : [bound(to, toIncluded ? "<=" : "<")]),
        ...(stableOnly ? [sql`not w.prerelease`] : []),
      ],
      sql` and `,
    ),
  );
  return sql`(${sql.join(
    tests.map((test) => sql`(${test})`),
    sql` or `,
  )})`;
}
