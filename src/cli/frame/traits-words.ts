import { counted, formatSize } from "../../lib/text/format-size.ts";
import { keptUntil, type Kept, type LifecycleRule, type StoreTraits } from "../../stores/traits.ts";

/** Says what the provider keeps of deleted blobs, and how long. */
export function keptWords(bytes: number, kept: Kept): string {
  return `${formatSize(bytes)} ${keptUntil(kept)}`;
}

/** What was found of a store, one line each. */
export function traitLines(traits: StoreTraits, now: Date | null): string[] {
  const { versioning, softDeleteDays, lock, lifecycle, ...tried } = traits;
  const unable = [
    tried.sortedList === false ? "listings are not in byte order: feedctl sorts them on disk" : "",
    tried.bulkDelete === false ? "no bulk delete: one request for each blob" : "",
    tried.conditionalCreate === false ? "no conditional writes: only the catalog's locks keep two writers apart" : "",
    tried.md5Tags === false ? "tags are not MD5s" : "",
  ].filter((line) => line !== "");
  return [
    ...(now === null ? [] : [`asked:     ${now.toISOString()}; again with: feedctl store refresh`]),
    ...(versioning === undefined ? ["versions:  not known"] : versioning === "off" ? [] : [`versions:  ${versioning}`]),
    ...(softDeleteDays === undefined || softDeleteDays === 0
      ? []
      : [`deletes:   kept for ${counted(softDeleteDays, "day")}`]),
    ...(lock === undefined || lock.mode === "off"
      ? []
      : [`lock:      ${lock.mode}${lock.days === undefined ? "" : `, ${counted(lock.days, "day")} for every blob`}`]),
    ...(lifecycle ?? []).map((rule) => `lifecycle: ${ruleWords(rule)}`),
    ...unable.map((line) => `server:    ${line}`),
  ];
}

function ruleWords({ does, days, to = "another storage class", prefix }: LifecycleRule): string {
  const what =
    does === "move" ? `moves blobs to ${to}` : does === "delete" ? "deletes blobs" : "deletes earlier versions";
  return `${what} after ${counted(days, "day")}${prefix === undefined ? "" : `, below ${prefix}`}`;
}
