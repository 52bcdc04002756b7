import { Type, type TSchema } from "typebox";
import * as asset from "./asset.ts";
import * as feed from "./feed.ts";
import * as imports from "./import.ts";
import * as installation from "./installation.ts";
import * as migrate from "./migrate.ts";
import { MirrorLine } from "./mirror.ts";
import * as packages from "./package.ts";
import { freeObject } from "./parts.ts";
import * as retention from "./retention.ts";
import * as store from "./store.ts";
import { VerifyLine } from "./verify.ts";

/** What a command prints with --json. */
export interface DeclaredResult {
  /** `lines`: NDJSON; the schema describes each line, and the last line is a summary. */
  output: "document" | "lines";
  schema: TSchema;
  /** Remarks on the form of the output. May be empty. */
  note: string;
}

/** Keyed by the words of the command. `error` is the line that any failing command prints on standard error. */
export const declaredResults: Readonly<Record<string, DeclaredResult>> = {
  "feed create": document(feed.FeedResult),
  "feed list": rows(feed.FeedListResult),
  "feed show": document(feed.FeedDetailsResult),
  "feed set": document(feed.FeedResult),
  "feed rename": document(feed.FeedResult),
  "feed enable": document(feed.FeedResult),
  "feed disable": document(feed.FeedResult),
  "feed clear-cached": document(feed.ClearedCacheResult),
  "feed delete": document(feed.FeedDeletedResult),
  import: lines(imports.ImportLine),
  "drop set": document(feed.FeedResult),
  "drop clear": document(feed.FeedResult),
  "drop scan": lines(imports.DropLine),
  "drop watch": lines(imports.DropLine, "each scan with a change ends in a summary"),
  "drop status": rows(imports.DropStatusResult),
  adopt: lines(imports.AdoptLine),
  "package list": rows(packages.PackageResult),
  "package show": rows(packages.PackageDetailsResult),
  "package download": document(packages.PackageSavedResult, "with --output - it prints the file instead"),
  "package delete": document(packages.PackageDeletedResult),
  "package status": rows(packages.PackageStatusResult),
  "package tag list": rows(packages.DistTagResult),
  "package tag set": document(packages.TagChangeResult),
  "package tag remove": document(packages.TagChangeResult),
  "package protect": document(packages.ProtectedResult),
  "package unprotect": document(packages.ProtectedResult),
  "package protected": rows(packages.ProtectionResult),
  "asset upload": lines(asset.AssetStoredLine),
  "asset sync": lines(MirrorLine),
  "asset list": rows(asset.AssetListResult),
  "asset show": document(asset.AssetDetailsResult),
  "asset download": lines(asset.AssetSavedLine, "with --output - it prints the file instead"),
  "asset url": document(asset.AssetUrlResult),
  "asset delete": document(asset.AssetDeletedResult),
  "asset mkdir": document(asset.FolderMadeResult),
  "asset move": lines(asset.AssetStoredLine),
  "asset copy": lines(asset.AssetStoredLine),
  "asset set-type": document(asset.AssetDescribedResult),
  "asset set-cache": document(asset.AssetDescribedResult),
  "asset set-metadata": document(asset.AssetDescribedResult),
  "asset import-archive": lines(asset.AssetStoredLine),
  "asset export": document(asset.AssetExportResult, "with --output - it prints the archive instead"),
  "asset history": document(asset.AssetHistoryResult),
  "asset restore": document(asset.AssetRestoredResult),
  "asset versioning": document(asset.VersioningResult),
  "retention rule add": document(retention.RuleResult),
  "retention rule list": rows(retention.RuleResult),
  "retention rule show": document(retention.RuleResult),
  "retention rule set": document(retention.RuleResult),
  "retention rule move": document(retention.RuleResult),
  "retention rule test": rows(retention.PatternMatchResult),
  "retention rule remove": document(retention.RuleResult),
  "retention plan": document(
    Type.Union([retention.RetentionPlanResult, retention.ExplanationResult]),
    "with --explain: the verdicts on one version or file",
  ),
  "retention run": lines(retention.RetentionLine),
  "retention apply": document(retention.RetentionApplyResult),
  "retention quarantine": rows(retention.HiddenResult),
  "retention restore": document(retention.RestoredResult),
  "usage forget": document(retention.ForgottenUseResult),
  "usage import": lines(retention.UsageLine),
  "usage show": document(retention.UsageResult),
  "store types": rows(store.StoreTypeResult),
  "store set": document(store.StoreChangeResult),
  "store show": document(store.StoreOfFeedResult),
  "store refresh": document(store.StoreOfFeedResult),
  "store mark": document(store.StoreMarkResult),
  "store test": lines(store.StoreTestLine),
  "store usage": lines(store.StoreUsageResult, "one line for each feed"),
  "store clean": lines(store.StoreCleanLine),
  "migrate run": lines(migrate.MigrateManyLine, "of many feeds the last line is their total"),
  "migrate start": lines(migrate.MigrateManyLine, "of many feeds the last line is their total"),
  "migrate resume": lines(migrate.MigrateLine),
  "migrate cutover": lines(migrate.MigrateLine),
  "migrate rollback": lines(migrate.MigrateLine),
  "migrate status": document(
    Type.Union([Type.Array(migrate.MigrationStatusResult), migrate.MigrationStatusResult]),
    "an array; with --watch one line for each migration, repeatedly",
  ),
  "migrate history": rows(migrate.MigrationResult),
  "migrate pause": document(migrate.MigrationPausedResult),
  "migrate retire": lines(migrate.RetireLine),
  "migrate cancel": document(migrate.MigrationCancelledResult),
  worker: lines(migrate.WorkerLine),
  "worker list": rows(migrate.WorkerResult),
  mirror: lines(MirrorLine, "with --watch each round ends in a summary"),
  verify: lines(VerifyLine),
  init: document(installation.CatalogReadyResult),
  "db status": document(installation.CatalogStatusResult),
  "db migrate": document(installation.CatalogReadyResult),
  "db repair-sequences": rows(installation.SequenceResult),
  "settings list": rows(installation.SettingResult),
  "settings get": document(installation.SettingResult),
  "settings set": lines(
    Type.Union([installation.SettingChangeResult, ...migrate.MigrateManyLine.anyOf]),
    "the change; with --migrate the lines of the migrations follow",
  ),
  "settings reset": document(installation.SettingChangeResult),
  "secrets rotate": document(installation.RotationResult),
  schema: document(
    Type.Union([Type.Array(installation.SchemaListResult), freeObject("a JSON Schema, 2020-12")]),
    "the list of all, or the schema of one command",
  ),
  error: lines(installation.ErrorLine, "the last line of standard error when a command fails with --json"),
};

/** Commands that print no JSON, and what they print instead. */
export const commandsWithoutJson: Readonly<Record<string, string>> = {
  "asset cat": "prints the file itself",
  completion: "prints a script",
  __complete: "prints names for that script",
};

function document(schema: TSchema, note = ""): DeclaredResult {
  return { output: "document", schema, note };
}

function rows(schema: TSchema): DeclaredResult {
  return document(Type.Array(schema));
}

function lines(schema: TSchema, note = ""): DeclaredResult {
  return { output: "lines", schema, note };
}
