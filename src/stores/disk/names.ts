import { randomBytes } from "node:crypto";
import { isProbe, keyProblem, MARKER_KEY, pathProblem, type Key } from "../../lib/key.ts";

const TEMPORARY = /^\.feedctl-[0-9a-f]{16}\.tmp$/;

/** A new random name for a file that is being written. Listings hide such names. */
export function temporaryName(): string {
  return `.feedctl-${randomBytes(8).toString("hex")}.tmp`;
}

export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

const WINDOWS_CHARACTERS = /[<>:"|?*\\]/;
/** Device names, with any extension, superscript digits included (learn.microsoft.com, "Naming Files"). */
const WINDOWS_DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/i;

const LONGEST = 255;

/** Why `key` cannot be a path below a disk store's root on `platform`, or undefined if it can. */
export function diskNameProblem(key: Key, platform: NodeJS.Platform): string | undefined {
  // Listings of clouds have names that would lead out of the root.
  const problem = key === MARKER_KEY || isProbe(key) ? pathProblem(key) : keyProblem(key);
  if (problem !== undefined) return problem;
  for (const segment of key.split("/")) {
    if (isTemporaryName(segment)) return `"${segment}" is a name that feedctl reserves for temporary files`;
    // The limit of common file systems. Some, such as ext4, count bytes; they reject a longer name themselves.
    if (segment.length > LONGEST) return `has a part of ${segment.length} characters; a disk holds ${LONGEST}`;
    if (platform !== "win32") continue;
    if (WINDOWS_CHARACTERS.test(segment)) return `"${segment}" holds a character that Windows does not allow`;
    if (WINDOWS_DEVICES.test(segment)) return `"${segment}" is a device name on Windows`;
    if (/[. ]$/.test(segment)) return `"${segment}" ends in a dot or space, which Windows drops`;
  }
  return undefined;
}
