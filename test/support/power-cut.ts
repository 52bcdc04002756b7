import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { LOCK } from "../../src/catalog/connection/start-pglite.ts";

/** One change of the bytes of a file. */
type Change = { at: number; bytes: Buffer } | { length: number };

/** One change of the names in folders. */
type Naming =
  | { kind: "create"; path: string; file: number }
  | { kind: "mkdir"; path: string }
  | { kind: "remove"; path: string }
  | { kind: "rename"; path: string; to: string };

export type Step =
  | { kind: "change"; file: number; change: Change }
  | { kind: "name"; naming: Naming }
  | { kind: "flush file"; file: number }
  | { kind: "flush folder"; path: string }
  /** What the program that is recorded did, for example a commit that returned. */
  | { kind: "mark"; text: string };

/** What happened to the files below a folder, in order. */
export interface Recording extends Disposable {
  readonly steps: readonly Step[];
  /** Paths of the files that existed before, by number. */
  readonly existing: ReadonlyMap<number, string>;
  mark(text: string): void;
}

/** Smallest unit that a disk writes whole. PostgreSQL relies on it for pg_control. */
const SECTOR = 512;

const watched = [
  "openSync",
  "closeSync",
  "writeSync",
  "writeFileSync",
  "ftruncateSync",
  "truncateSync",
  "mkdirSync",
  "rmdirSync",
  "unlinkSync",
  "renameSync",
  "fsyncSync",
] as const;

/**
 * Records the synchronous calls of `node:fs` that change or flush files below `root`, until it is disposed. The calls are
 * carried out. Paths in the recording are relative to `root`. A mark is set before the first
 * step at which the file `outside` is gone. The lock file is left out: nothing of it counts after a power cut.
 */
export function recordFiles(root: string, outside?: string): Recording {
  const steps: Step[] = [];
  let gone = outside === undefined;
  const files = new Map<string, number>();
  const open = new Map<number, { file?: number; folder?: string }>();
  const relative = (path: unknown) =>
    path !== join(root, LOCK) && typeof path === "string" && path.startsWith(`${root}/`)
      ? path.slice(root.length + 1)
      : undefined;
  const existing = new Map<number, string>();
  let next = 0;
  let depth = 0;
  const numberOf = (path: string) => {
    const known = files.get(path);
    if (known !== undefined) return known;
    files.set(path, next);
    existing.set(next, path);
    return next++;
  };
  const original = Object.fromEntries(watched.map((name) => [name, fs[name]])) as Record<string, Function>;
  const call = (name: string, parameters: unknown[]) => Reflect.apply(original[name]!, fs, parameters) as unknown;
  const name = (naming: Naming) => steps.push({ kind: "name", naming });
  const change = (file: number | undefined, changed: Change) => {
    if (file !== undefined) steps.push({ kind: "change", file, change: changed });
  };

  const recorders: Record<string, (parameters: unknown[], result: unknown) => void> = {
    openSync([path], result) {
      const inside = path === root ? "" : relative(path);
      if (inside === undefined) return;
      const folder = fs.statSync(path as string).isDirectory();
      open.set(result as number, folder ? { folder: inside } : { file: numberOf(inside) });
    },
    closeSync([descriptor]) {
      open.delete(descriptor as number);
    },
    writeSync([descriptor, bytes, offset, , position], length) {
      const { file } = open.get(descriptor as number) ?? {};
      if (file === undefined) return;
      const { buffer, byteOffset } = bytes as Uint8Array;
      const written = Buffer.from(Buffer.from(buffer, byteOffset + (offset as number), length as number));
      change(file, { at: position as number, bytes: written });
    },
    writeFileSync([path]) {
      const inside = relative(path);
      if (inside === undefined) return;
      files.set(inside, next);
      name({ kind: "create", path: inside, file: next++ });
    },
    ftruncateSync([descriptor, length]) {
      change(open.get(descriptor as number)?.file, { length: length as number });
    },
    truncateSync([path, length]) {
      const inside = relative(path);
      if (inside !== undefined) change(numberOf(inside), { length: length as number });
    },
    mkdirSync([path]) {
      const inside = relative(path);
      if (inside !== undefined) name({ kind: "mkdir", path: inside });
    },
    rmdirSync: ([path]) => removed(path),
    unlinkSync: ([path]) => removed(path),
    renameSync([path, target]) {
      const [from, to] = [relative(path), relative(target)];
      if (from === undefined || to === undefined) return;
      name({ kind: "rename", path: from, to });
      files.set(to, numberOf(from));
      files.delete(from);
    },
    fsyncSync([descriptor]) {
      const { file, folder } = open.get(descriptor as number) ?? {};
      if (file !== undefined) steps.push({ kind: "flush file", file });
      if (folder !== undefined) steps.push({ kind: "flush folder", path: folder });
    },
  };
  function removed(path: unknown): void {
    const inside = relative(path);
    if (inside === undefined) return;
    files.delete(inside);
    name({ kind: "remove", path: inside });
  }

  for (const watch of watched)
    Object.assign(fs, {
      [watch]: (...parameters: unknown[]) => {
        depth++; // `writeFileSync` calls `openSync`
        try {
          if (!gone && !fs.existsSync(outside!)) {
            gone = true;
            steps.push({ kind: "mark", text: `${outside} is gone` });
          }
          const result = call(watch, parameters);
          if (depth === 1) recorders[watch]!(parameters, result);
          return result;
        } finally {
          depth--;
        }
      },
    });
  syncBuiltinESMExports();
  return {
    steps,
    existing,
    mark: (text) => void steps.push({ kind: "mark", text }),
    [Symbol.dispose]() {
      Object.assign(fs, original);
      syncBuiltinESMExports();
    },
  };
}

/** A moment at which the power is cut, and which of the changes that were not flushed the disk has kept. */
export interface Cut {
  /** How many steps happened before. */
  at: number;
  /** Called for each sector of each unflushed write, and for each unflushed change of a name. */
  keeps(): boolean;
}

/** The bytes of a file: the first `length` of `bytes`. */
interface Content {
  bytes: Buffer;
  length: number;
}

/** Makes `target`, a copy of the folder as it was before the recording, into what a disk may hold after a cut. */
export function applyCut(target: string, { steps, existing }: Recording, cut: Cut): void {
  const happened = steps.slice(0, cut.at);
  const flushed = flushedSteps(happened);
  const contents = new Map<number, Content>();
  const names = new Map<string, number>();
  for (const [file, path] of existing) names.set(path, file);
  const contentOf = (file: number) => {
    const known = contents.get(file);
    if (known !== undefined) return known;
    const path = existing.get(file);
    const bytes = path === undefined ? Buffer.alloc(0) : fs.readFileSync(join(target, path));
    const content = { bytes, length: bytes.length };
    contents.set(file, content);
    return content;
  };
  for (const [index, step] of happened.entries()) {
    if (step.kind === "change") {
      const keeps = flushed.has(index) ? () => true : cut.keeps;
      applyChange(contentOf(step.file), step.change, keeps);
    } else if (step.kind === "name" && (flushed.has(index) || cut.keeps())) {
      rename(target, names, step.naming);
    }
  }
  for (const [file, path] of existing) if (names.get(path) !== file) contentOf(file); // it may have another name now
  for (const path of existing.values()) if (!names.has(path)) fs.rmSync(join(target, path), { force: true });
  for (const [path, file] of names) {
    if (existing.get(file) === path && !contents.has(file)) continue;
    if (!fs.existsSync(dirname(join(target, path)))) continue;
    const { bytes, length } = contentOf(file);
    fs.writeFileSync(join(target, path), bytes.subarray(0, length));
  }
}

/** The steps whose effect a later flush has brought to the disk. */
function flushedSteps(steps: readonly Step[]): Set<number> {
  const files = new Set<number>();
  const folders = new Set<string>();
  const flushed = new Set<number>();
  for (const [index, step] of [...steps.entries()].reverse()) {
    if (step.kind === "flush file") files.add(step.file);
    else if (step.kind === "flush folder") folders.add(step.path);
    else if (step.kind === "change" && files.has(step.file)) flushed.add(index);
    else if (step.kind === "name" && folders.has(folderOf(step.naming))) flushed.add(index);
  }
  return flushed;
}

function folderOf(naming: Naming): string {
  const folder = dirname(naming.kind === "rename" ? naming.to : naming.path);
  return folder === "." ? "" : folder;
}

function applyChange(content: Content, change: Change, keeps: () => boolean): void {
  if ("length" in change) {
    if (keeps()) resize(content, change.length);
    return;
  }
  const { at, bytes } = change;
  for (let start = 0; start < bytes.length; start += SECTOR) {
    if (!keeps()) continue;
    const sector = bytes.subarray(start, start + SECTOR);
    const end = at + start + sector.length;
    if (content.length < end) resize(content, end);
    sector.copy(content.bytes, at + start);
  }
}

function resize(content: Content, length: number): void {
  if (length < content.length) content.bytes.fill(0, length, content.length);
  else if (length > content.bytes.length) content.bytes = Buffer.concat([content.bytes], 2 * length);
  content.length = length;
}

function rename(target: string, names: Map<string, number>, naming: Naming): void {
  if (naming.kind === "create") names.set(naming.path, naming.file);
  else if (naming.kind === "mkdir") fs.mkdirSync(join(target, naming.path), { recursive: true });
  else if (naming.kind === "remove") names.delete(naming.path);
  else {
    const file = names.get(naming.path);
    if (file === undefined) return;
    names.set(naming.to, file);
    names.delete(naming.path);
  }
}
