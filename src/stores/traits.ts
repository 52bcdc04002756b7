/**
 * How a provider treats the blobs of a store: found by asking it and by trying, and remembered with the store. An absent
 * member is unknown: the provider has no such thing, or these credentials may not ask for it.
 */
export interface StoreTraits {
  /** Listings come in UTF-8 byte order. */
  sortedList?: boolean | undefined;
  /** One request deletes many blobs. */
  bulkDelete?: boolean | undefined;
  /** A put can be refused when the key exists, without a race. */
  conditionalCreate?: boolean | undefined;
  /** The tag of a blob that was sent in one request is its MD5. */
  md5Tags?: boolean | undefined;
  /** Whether a deleted or overwritten blob stays as an earlier version. `suspended`: only versions from before stay. */
  versioning?: "on" | "suspended" | "off" | undefined;
  /** How many days the provider keeps what was deleted; 0: not at all. */
  softDeleteDays?: number | undefined;
  /** Blobs cannot be deleted before their retention ends. */
  lock?: StoreLock | undefined;
  /** What the provider does by itself with blobs of a certain age. Empty: nothing. */
  lifecycle?: LifecycleRule[] | undefined;
}

export interface StoreLock {
  /**
   * The provider's word, in lower case: `compliance`, `governance`, `locked`, `unlocked`, `immutable`, `legal hold`; `on`
   * without a default retention, and `off`.
   */
  mode: string;
  /** How many days each new blob is retained. Absent: only blobs that are locked one by one. */
  days?: number | undefined;
}

export interface LifecycleRule {
  /** Deletes blobs, deletes earlier versions, or moves blobs to another storage class. */
  does: "delete" | "delete earlier versions" | "move";
  /** Days after the blob was stored; for earlier versions: after it was deleted or overwritten. */
  days: number;
  /** The storage class or tier that blobs move to. */
  to?: string | undefined;
  /** Only keys of the store that start so. Absent: all. */
  prefix?: string | undefined;
}

/** What the provider keeps of a deleted blob. */
export interface Kept {
  /** Why: `versioning`, `soft delete`, `object lock`. */
  by: string;
  /** When the last byte is free. Undefined: when somebody deletes the earlier versions. */
  until: Date | undefined;
}

const DAY = 86_400_000;

/** Traits as they were saved; what is not one, of a newer feedctl or by tampering, is left out. */
export function parseTraits(saved: object): StoreTraits {
  const given = saved as Record<keyof StoreTraits, unknown>;
  const flags = (["sortedList", "bulkDelete", "conditionalCreate", "md5Tags"] as const).flatMap((name) =>
    typeof given[name] === "boolean" ? [[name, given[name]]] : [],
  );
  const { versioning, softDeleteDays, lock, lifecycle } = given;
  return {
    ...(Object.fromEntries(flags) as StoreTraits),
    ...(versioning === "on" || versioning === "suspended" || versioning === "off" ? { versioning } : {}),
    ...(isDays(softDeleteDays) ? { softDeleteDays } : {}),
    ...(isLock(lock) ? { lock } : {}),
    ...(Array.isArray(lifecycle) ? { lifecycle: lifecycle.filter(isRule) } : {}),
  };
}

function isDays(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 1e6;
}

function isLock(value: unknown): value is StoreLock {
  const { mode, days } = (value ?? {}) as Record<keyof StoreLock, unknown>;
  return typeof mode === "string" && (days === undefined || isDays(days));
}

function isRule(value: unknown): value is LifecycleRule {
  const { does, days, to, prefix } = (value ?? {}) as Record<keyof LifecycleRule, unknown>;
  const known = ["delete", "delete earlier versions", "move"].includes(String(does));
  return known && isDays(days) && [to, prefix].every((text) => text === undefined || typeof text === "string");
}

/** What the provider keeps of blobs that are deleted at `now`. Undefined: nothing that is known. */
export function keptAfterDelete(
  { versioning = "off", softDeleteDays = 0, lock, lifecycle = [] }: StoreTraits,
  now: Date,
): Kept | undefined {
  const after = (days: number) => new Date(now.getTime() + days * DAY);
  const soft = softDeleteDays > 0 ? { by: "soft delete", until: after(softDeleteDays) } : undefined;
  if (versioning === "off") return soft;
  const days = lifecycle.filter((rule) => rule.does === "delete earlier versions" && rule.prefix === undefined);
  if (days.length === 0) return { by: "versioning", until: undefined };
  // no rule deletes a locked version: of a blob that was stored just now, the lock ends last
  const deleted = Math.max(Math.min(...days.map((rule) => rule.days)), lock?.days ?? 0);
  return { by: "versioning", until: after(deleted + softDeleteDays) };
}

/** How long the provider keeps what is deleted, and why: "kept by the provider (versioning) until 2026-12-01". */
export function keptUntil({ by, until }: Kept): string {
  const end = until === undefined ? "somebody deletes the earlier versions" : until.toISOString().slice(0, 10);
  return `kept by the provider (${by}) until ${end}`;
}
