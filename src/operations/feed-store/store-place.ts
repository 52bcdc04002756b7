import type { StoreRow } from "../../catalog/stores.ts";
import { locationName } from "../../stores/location.ts";
import { requireProvider } from "../../stores/providers.ts";

/** Where a store is, for people: on a disk the directory as it was given. */
export function placeOf(row: StoreRow): string {
  const { isLocal, pathOption } = requireProvider(row.type);
  const path = row.options[pathOption];
  if (isLocal && typeof path === "string") return path;
  return row.location === null ? "the default directory" : locationName(row.location);
}

/** Where files of a feed may still be besides its store: earlier stores that were not retired. */
export function earlierPlaces(stores: readonly StoreRow[]): string[] {
  return stores.filter(({ role, retired_at }) => role === "previous" && retired_at === null).map(placeOf);
}
