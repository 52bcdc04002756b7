import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Installation } from "./databases.ts";
import { npmFileName, npmTarball, type NpmPackage } from "./fixtures/packages.ts";
import { isBlobName } from "./store-files.ts";

/** The drop path of a feed. */
export interface DropFolder {
  readonly path: string;
  /** Writes a file whose modification time is an hour ago. Returns its path. */
  put(file: string, content: string | Uint8Array): string;
  npm(content: NpmPackage, file?: string): string;
  /** All files and folders below the folder. */
  all(): string[];
}

export function dropFolder(path: string): DropFolder {
  mkdirSync(path, { recursive: true });
  const put = (file: string, content: string | Uint8Array) => {
    const target = join(path, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    anHourOld(target);
    return target;
  };
  return {
    path,
    put,
    npm: (content, file) => put(file ?? npmFileName(content), npmTarball(content)),
    all: () =>
      existsSync(path)
        ? readdirSync(path, { recursive: true, encoding: "utf8" }).filter(isBlobName).toSorted()
        : ["gone"],
  };
}

function anHourOld(...files: string[]): void {
  const time = new Date(Date.now() - 3_600_000);
  for (const file of files) utimesSync(file, time, time);
}

/** Creates a feed with a drop path. */
export async function makeDrop(place: Installation, feed: string, type = "npm"): Promise<DropFolder> {
  const folder = dropFolder(place.path("drop", feed));
  await place.run("feed", "create", feed, "--type", type);
  await place.run("drop", "set", feed, folder.path);
  return folder;
}

export interface Scanned {
  /** Files, as `STATUS NAME` or `STATUS NAME: REASON`, sorted. */
  files: string[];
  /** Counts that are not 0. */
  counts: Record<string, number>;
  feeds: Record<string, unknown>[];
  stderr: string;
}

/** Scans, and asserts the exit status. */
export async function scan(place: Installation, code: number, ...args: string[]): Promise<Scanned> {
  const { events, stderr } = await place
    .exits(code, "drop", "scan", "--json", ...args)
    .then((result) => ({ events: result.events(), stderr: result.stderr }));
  return scanned(events, stderr);
}

export function scanned(events: Record<string, unknown>[], stderr = ""): Scanned {
  const files = events.filter(({ type }) => type === "file");
  const {
    type: _type,
    feeds: _feeds,
    bytes: _bytes,
    ...counts
  } = events.findLast(({ type }) => type === "summary") ?? {};
  return {
    files: files
      .map(({ status, file, reason }) => {
        const name = String(file).split("/").at(-1);
        return `${String(status)} ${name}${reason === null ? "" : `: ${reason as string}`}`;
      })
      .toSorted(),
    counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) as Record<string, number>,
    feeds: events.filter(({ type }) => type === "feed"),
    stderr,
  };
}
