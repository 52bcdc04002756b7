import { readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/**
 * A directory and the directories above it, as the file system numbers them. A bind mount, a link and another spelling of
 * a name lead to the same numbers.
 */
export interface Lineage {
  /** Undefined when the directory does not exist. */
  self: string | undefined;
  above: ReadonlySet<string>;
}

/** How one directory lies to another; undefined when neither contains the other. */
export function kinship(a: Lineage, b: Lineage): "same" | "inside" | "contains" | undefined {
  if (a.self !== undefined && a.self === b.self) return "same";
  if (b.self !== undefined && a.above.has(b.self)) return "inside";
  if (a.self !== undefined && b.above.has(a.self)) return "contains";
  return undefined;
}

interface Mount {
  device: string;
  /** The path on the file system that is seen at `point`. */
  root: string;
  point: string;
}

/** Looks at each directory once. For one comparison of many places; what is mounted later is not seen. */
export function createLineages(mounts: readonly Mount[] = readMounts()): (path: string) => Lineage {
  const numbers = new Map<string, string | undefined>();

  return (path) => {
    const above = new Set<string>();
    for (const seen of [path, ...otherNames(path, mounts)])
      for (let at = seen; dirname(at) !== at;) {
        at = dirname(at);
        const number = numberOf(at);
        if (number !== undefined) above.add(number);
      }
    return { self: numberOf(path), above };
  };

  function numberOf(path: string): string | undefined {
    if (!numbers.has(path)) numbers.set(path, lookUp(path));
    return numbers.get(path);
  }
}

function lookUp(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Names of a path below a bind mount in the tree that was bound, whose folders above it do not show in the path. */
function otherNames(path: string, mounts: readonly Mount[]): string[] {
  const own = mounts.filter(({ point }) => isBelow(path, point)).reduce(longer, undefined);
  if (own === undefined || own.root === "/") return [];
  const real = join(own.root, relative(own.point, path));
  return mounts
    .filter(({ device, root }) => device === own.device && root.length < own.root.length && isBelow(real, root))
    .map(({ root, point }) => join(point, relative(root, real)));
}

/** The later one of two mounts at one point hides the other. */
function longer(best: Mount | undefined, mount: Mount): Mount {
  return best !== undefined && best.point.length > mount.point.length ? best : mount;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** Empty where the system does not tell: proc(5), "mountinfo". */
function readMounts(): Mount[] {
  let text;
  try {
    text = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return [];
  }
  const plain = (path: string) =>
    path.replace(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
  return text.split("\n").flatMap((line) => {
    const [, , device, root, point] = line.split(" ");
    if (device === undefined || root === undefined || point === undefined) return [];
    return [{ device, root: plain(root), point: plain(point) }];
  });
}
