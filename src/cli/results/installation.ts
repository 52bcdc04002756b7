import type { Setting } from "../../operations/feed-store/setting-names.ts";
import type { Sequence } from "../../catalog/sequences.ts";
import type { CatalogStatus } from "../../operations/installation/init.ts";
import type { Rotation } from "../../operations/secrets/rotate.ts";
import type { SettingChange } from "../../operations/installation/settings.ts";
import type * as result from "./schemas/installation.ts";

export function catalogReadyResult(made: {
  kind: string;
  location: string;
  applied: string[];
}): result.CatalogReadyResult {
  return { kind: made.kind, location: made.location, applied: made.applied };
}

export function catalogStatusResult(status: CatalogStatus): result.CatalogStatusResult {
  const { kind, location, server, version, newest, lagging } = status;
  return { kind, location, server, version, newest, lagging: lagging.map(sequenceResult) };
}

export function sequenceResult({ table, last, highest }: Sequence): result.SequenceResult {
  return { table, last, highest };
}

export function settingResult({ name, value, origin, description }: Setting): result.SettingResult {
  return { name, description, value, origin };
}

export function settingChangeResult({ setting, before, moved }: SettingChange): result.SettingChangeResult {
  return {
    setting: settingResult(setting),
    before: settingResult(before),
    moved: moved.map(({ feed, from, to, kept, files, bytes }) => ({ feed, from, to, kept, files, bytes })),
  };
}

export function rotationResult({ sealed, current, failed }: Rotation): result.RotationResult {
  return { sealed, current, failed: failed.map(({ store, feed, reason }) => ({ store, feed, reason })) };
}
