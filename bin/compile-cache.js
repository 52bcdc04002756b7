import { lstatSync, mkdirSync, realpathSync } from "fs";
import module from "module";
import { homedir } from "os";
import { dirname, isAbsolute, join } from "path";

/**
 * Turns on Node's cache of compiled code, in a directory of this user's own. Node's default lies in the shared temporary
 * directory and is trusted whoever wrote it, so that another user's code would run. Without a safe directory there is
 * no cache. NODE_COMPILE_CACHE, which the user has set, wins.
 */
export function enableCompileCache() {
  const directory = join(cacheHome(), "feedctl", "compiled");
  try {
    if (!isAbsolute(directory)) return;
    if (process.geteuid !== undefined) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      if (!isPrivate(directory)) return;
    }
    module.enableCompileCache(directory);
  } catch {
    // a home that does not exist, is read-only or full: feedctl starts without the cache
  }
}

function cacheHome() {
  const { env, platform } = process;
  if (platform === "win32") return env.LOCALAPPDATA || join(homedir(), "AppData", "Local");
  if (platform === "darwin") return join(homedir(), "Library", "Caches");
  return env.XDG_CACHE_HOME || join(homedir(), ".cache");
}

/** Whether only this user can write below the directory, and only this user or root can replace it by another. */
function isPrivate(directory) {
  const own = lstatSync(directory);
  if (!own.isDirectory() || own.uid !== process.geteuid() || (own.mode & 0o077) !== 0) return false;
  for (let path = realpathSync(directory); path !== dirname(path); path = dirname(path)) {
    const { uid, mode } = lstatSync(dirname(path));
    const isSticky = (mode & 0o1000) !== 0; // as in /tmp: others cannot rename this user's files
    if ((uid !== process.geteuid() && uid !== 0) || ((mode & 0o022) !== 0 && !isSticky)) return false;
  }
  return true;
}
