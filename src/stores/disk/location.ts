import { realpathSync, statSync } from "node:fs";
import { platform as currentPlatform } from "node:os";
import { posix, win32 } from "node:path";

/** How `diskLocation` reads the disk; tests replace it. */
export interface DiskView {
  platform?: NodeJS.Platform | undefined;
  /** An existing path with every link resolved; throws when it does not exist. */
  realPath?: ((path: string) => string) | undefined;
  /** Whether names below this existing path are case-insensitive. */
  ignoresCase?: ((path: string) => boolean) | undefined;
}

export function diskLocation(
  path: string,
  view: DiskView = {},
): { place: string; segments: string[]; ignoresCase: boolean } {
  const { platform = currentPlatform(), realPath = (each) => realpathSync.native(each) } = view;
  const { ignoresCase = (each) => probeCase(each, platform) } = view;
  const { resolve, dirname, basename, parse, sep } = platform === "win32" ? win32 : posix;

  // A store's folder is often created by its first put: only the existing part of the path can be resolved.
  const missing: string[] = [];
  let existing = resolve(withoutLongPathMark(path, platform));
  for (;;) {
    try {
      existing = realPath(existing);
      break;
    } catch {
      if (dirname(existing) === existing) break;
      missing.unshift(basename(existing));
      existing = dirname(existing);
    }
  }
  existing = withoutLongPathMark(existing, platform);
  const { root } = parse(existing);
  const found = existing.slice(root.length).split(sep);
  const segments = [...found, ...missing].filter((segment) => segment !== "");
  return { place: root, segments, ignoresCase: ignoresCase(existing) };
}

/** `\\?\C:\x` is `C:\x`, and `\\?\UNC\server\share` is `\\server\share`. */
function withoutLongPathMark(path: string, platform: NodeJS.Platform): string {
  if (platform !== "win32") return path;
  return path.replace(/^\\\\\?\\UNC\\/i, "\\\\").replace(/^\\\\\?\\/, "");
}

/** Looks the path up in the other letter case. The same inode means that the file system is case-insensitive. */
function probeCase(path: string, platform: NodeJS.Platform): boolean {
  if (platform === "win32" || platform === "darwin") return true;
  for (let probed = path; probed !== posix.dirname(probed); probed = posix.dirname(probed)) {
    const name = posix.basename(probed);
    const swapped = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
    if (swapped === name) continue;
    const other = statSync(posix.join(posix.dirname(probed), swapped), { throwIfNoEntry: false });
    const here = statSync(probed, { throwIfNoEntry: false });
    return other !== undefined && other.ino === here?.ino && other.dev === here.dev;
  }
  return false;
}
