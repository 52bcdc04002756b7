import { initial } from "./0001-initial.ts";
import { migrationsThatGoOn } from "./0002-migrations-that-go-on.ts";
import { overwritesAndDropPaths } from "./0003-overwrites-and-drop-paths.ts";
import { oneFilePerIdentity } from "./0004-one-file-per-identity.ts";
import { retention } from "./0005-retention.ts";
import { assets } from "./0006-assets.ts";
import { describedProofs } from "./0007-described-proofs.ts";
import { assetRetention } from "./0008-asset-retention.ts";
import { debianDropPaths } from "./0009-debian-drop-paths.ts";
import { keySalt } from "./0010-key-salt.ts";
import { locks } from "./0011-locks.ts";
import { changedDropFiles } from "./0013-changed-drop-files.ts";
import { places } from "./0014-places.ts";
import { sealedStores } from "./0016-sealed-stores.ts";
import { deletesThatFail } from "./0017-deletes-that-fail.ts";
import { storeTraits } from "./0018-store-traits.ts";
import { pythonSpellings } from "./0020-python-spellings.ts";
import { distTags } from "./0021-dist-tags.ts";
import { logCoverage } from "./0022-log-coverage.ts";
import { judgedQuarantine } from "./0023-judged-quarantine.ts";
import { wheelTags } from "./0024-wheel-tags.ts";
import { keptDropFiles } from "./0025-kept-drop-files.ts";
import { listings } from "./0030-listings.ts";
import { leftMigrations } from "./0033-left-migrations.ts";
import { emptiedFolders } from "./0035-emptied-folders.ts";
import { countsPerLog } from "./0036-counts-per-log.ts";

/** Numbered from 1, append-only, in order of application. */
export const migrations: readonly { name: string; sql: string }[] = [
  { name: "initial", sql: initial },
  { name: "migrations that go on", sql: migrationsThatGoOn },
  { name: "overwrites and drop paths", sql: overwritesAndDropPaths },
  { name: "one file per identity", sql: oneFilePerIdentity },
  { name: "retention", sql: retention },
  { name: "assets", sql: assets },
  { name: "described proofs", sql: describedProofs },
  { name: "asset retention", sql: assetRetention },
  { name: "Debian drop paths", sql: debianDropPaths },
  { name: "key salt", sql: keySalt },
  { name: "locks", sql: locks },
  { name: "changed drop files", sql: changedDropFiles },
  { name: "places", sql: places },
  { name: "sealed stores", sql: sealedStores },
  { name: "deletes that fail", sql: deletesThatFail },
  { name: "store traits", sql: storeTraits },
  { name: "Python spellings", sql: pythonSpellings },
  { name: "dist-tags", sql: distTags },
  { name: "log coverage", sql: logCoverage },
  { name: "judged quarantine", sql: judgedQuarantine },
  { name: "wheel tags", sql: wheelTags },
  { name: "kept drop files", sql: keptDropFiles },
  { name: "listings", sql: listings },
  { name: "left migrations", sql: leftMigrations },
  { name: "emptied folders", sql: emptiedFolders },
  { name: "counts per log", sql: countsPerLog },
];

export const newestSchema = migrations.length;
