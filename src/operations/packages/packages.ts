import type { KeptBlobs } from "../feed-store/store-traits.ts";
import { basename } from "node:path/posix";
import type { Readable } from "node:stream";
import {
  deleteVersions,
  listVersions,
  lockRows,
  type PackageVersion,
  type VersionFile,
} from "../../catalog/packages.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { deleteFileRowsOfVersions } from "../../catalog/files.ts";
import { FeedctlError } from "../../errors.ts";
import type { ByteRange } from "../../stores/store.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { listHidden } from "../../catalog/retention/quarantine.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { openWriter, finishPendingOf } from "../commit/feed-writer.ts";
import { recordDeleted } from "../commit/record-deleted.ts";
import { startRun } from "../commit/recorded-run.ts";

/** `[group/]name[@version]`; an npm scope may keep its `@`. */
export interface PackageSpec {
  /** Empty for a package without a group: "tool" never matches "@acme/tool". */
  group: string;
  name: string;
  version: string | undefined;
}

export function parsePackageSpec(text: string): PackageSpec {
  const at = text.lastIndexOf("@");
  const [path, version] = at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text, undefined];
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  if (/^@?$/.test(name) || version === "")
    throw new FeedctlError("usage", `"${text}" does not name a package`, {
      hint: "give [group/]name[@version], such as @scope/name@1.0.0",
    });
  return { group: path.slice(0, Math.max(slash, 0)).replace(/^@/, ""), name, version };
}

/** Yields every version of the feed, by package and ascending version. */
export async function* listPackages(context: Context, feedName: string): AsyncGenerator<PackageVersion> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  yield* listVersions(db, feed.id);
}

/** The versions that match a spec. Throws `not-found` when there are none. */
export async function requireVersions(
  context: Context,
  feedName: string,
  spec: PackageSpec,
): Promise<PackageVersion[]> {
  const { db } = await context.catalog();
  return requireVersionsOf(db, await requireFeed(db, feedName), spec);
}

/** As `requireVersions`, in a transaction. */
export async function requireVersionsOf(
  db: Db,
  feed: Pick<FeedRow, "id" | "name">,
  { group, name, version }: PackageSpec,
): Promise<PackageVersion[]> {
  const found = await Array.fromAsync(listVersions(db, feed.id, { group, name, version }));
  // names that differ only in letter case: an exact match wins
  const named = found.some((row) => row.name === name) ? found.filter((row) => row.name === name) : found;
  const exact = named.some((row) => row.version === version) ? named.filter((row) => row.version === version) : named;
  if (exact.length > 0) return exact;
  const versions =
    version === undefined
      ? []
      : (await Array.fromAsync(listVersions(db, feed.id, { group, name }))).map((row) => row.version);
  const full = `${group === "" ? "" : `${group}/`}${name}`;
  const hidden = await listHidden(db, feed.id, { name: full, version });
  if (hidden[0] !== undefined)
    throw new FeedctlError("not-found", `retention has hidden ${full} ${hidden.map((row) => row.version).join(", ")}`, {
      hint: `bring it back: feedctl retention restore ${feed.name} ${full}@${hidden[0].version}`,
    });
  const what = `${full}${version === undefined ? "" : `@${version}`}`;
  throw new FeedctlError("not-found", `feed "${feed.name}" has no package ${what}`, {
    hint: versions.length > 0 ? `it has ${versions.slice(-5).join(", ")}` : `see: feedctl package list ${feed.name}`,
  });
}

export interface Download {
  version: PackageVersion;
  file: VersionFile;
  /** Name to save it under. */
  fileName: string;
  /** Opens the bytes. The caller compares size and SHA-256 with `file`. */
  open(range: ByteRange | undefined): Promise<Readable>;
  close(): Promise<void>;
}

export interface DownloadChoice {
  /** Which file, of a version with several. */
  fileName?: string | undefined;
  /** Also open a version that is blocked. */
  blocked?: boolean | undefined;
}

/**
 * Opens one file of one version: without a version of the newest release that is not blocked, else of the newest
 * prerelease. Throws `not-found`, `denied` when the version is blocked, and `usage` when it has several files and none is
 * named.
 */
export async function downloadPackage(
  context: Context,
  feedName: string,
  spec: PackageSpec,
  { fileName, blocked = false }: DownloadChoice = {},
): Promise<Download> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  const found = await requireVersions(context, feedName, spec);
  const newest = newestOf(found);
  if (newest === undefined) throw new Error("a found package has no version");
  const version = blocked ? newest : newestOf(found.filter(({ allowed }) => allowed !== false));
  if (version === undefined) {
    const what = found.length === 1 ? versionTitle(newest) : `every version of ${packageTitle(newest)}`;
    throw new FeedctlError("denied", `${what} is blocked: nobody may download it`, {
      hint: `to look into it: --blocked; to unblock it: feedctl package status ${feed.name} ${versionTitle(newest)} --access allowed`,
    });
  }
  const names = version.files.map((file) => basename(file.key));
  const file =
    fileName === undefined && version.files.length > 1
      ? version.files.find((candidate) => candidate.qualifier === "")
      : version.files.find((_, index) => fileName === undefined || names[index] === fileName);
  if (file === undefined) {
    throw new FeedctlError(
      fileName === undefined ? "usage" : "not-found",
      `${version.name} ${version.version} has ${names.length} files`,
      { hint: `name one with --file: ${names.join(", ")}` },
    );
  }
  const store = await openFeedStore(context, db, feed);
  return {
    version,
    file,
    fileName: basename(file.key),
    open: (range) => store.get(file.key, { range, signal: context.signal }),
    close: async () => store[Symbol.asyncDispose](),
  };
}

/** The newest release, else the newest prerelease, of versions in ascending order. */
function newestOf(versions: readonly PackageVersion[]): PackageVersion | undefined {
  return versions.findLast(({ prerelease }) => !prerelease) ?? versions.at(-1);
}

interface DeletedVersion {
  group: string;
  name: string;
  version: string;
  files: VersionFile[];
}

export interface DeletedVersions {
  deleted: DeletedVersion[];
  keptByProvider: KeptBlobs | null;
}

/** Deletes versions: rows and pending deletes in one transaction, then the blobs. */
export async function deletePackage(
  context: Context,
  feedName: string,
  versions: readonly PackageVersion[],
): Promise<DeletedVersions> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  await using run = await startRun(context, "package delete", feed.id);
  await using writer = openWriter(context, feed, run);
  const ids = versions.map(({ id }) => id);
  const taken = await writer.write(async (target) =>
    commit(db, [target], async (transaction) => {
      await lockRows(transaction, target.feed.id, "exclusive");
      // read again: files may have been added since the versions were listed
      await recordDeleted(context, transaction, target, await deleteFileRowsOfVersions(transaction, ids));
      const gone = await deleteVersions(transaction, ids);
      // another process may have deleted some of them meanwhile
      const own = versions.filter(({ id }) => gone.has(id));
      if (own.length === 0)
        throw new FeedctlError("not-found", "another process has deleted it meanwhile", {
          hint: `see: feedctl package list ${feed.name}`,
        });
      await run.audit(
        transaction,
        own.map((version) => ({
          action: "deleted",
          object: versionTitle(version),
          detail: { files: version.files.map((file) => file.key) },
        })),
      );
      return own;
    }),
  );
  const keptByProvider = await finishPendingOf(context, writer);
  await run.finish({ deleted: taken.length });
  const deleted = taken.map(({ group, name, version, files }) => ({ group, name, version, files }));
  return { deleted, keptByProvider };
}

export function packageTitle({ group, name }: { group: string; name: string }): string {
  return group === "" ? name : `${group}/${name}`;
}

export function versionTitle(version: { group: string; name: string; version: string }): string {
  return `${packageTitle(version)}@${version.version}`;
}
