import { platform } from "node:os";

/** Errors of Linux that libuv does not know: Node calls them "Unknown system error -116". */
const unnamed: Readonly<Record<number, [code: string, message: string]>> = {
  116: ["ESTALE", "stale file handle"],
  117: ["EUCLEAN", "structure needs cleaning"],
  121: ["EREMOTEIO", "remote I/O error"],
  122: ["EDQUOT", "disk quota exceeded"],
  123: ["ENOMEDIUM", "no medium found"],
};

/** The code of an error of the system, such as `EIO`. Undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return undefined;
  if (code.startsWith("Unknown system error")) return nameOf(error)?.[0] ?? "EUNKNOWN";
  return /^E[A-Z]+$/.test(code) ? code : undefined;
}

/** What an error of the system means, where Node has no words for it. */
export function unnamedMessage(error: unknown): string | undefined {
  return nameOf(error)?.[1];
}

function nameOf(error: unknown): [code: string, message: string] | undefined {
  const { errno = 0 } = error as NodeJS.ErrnoException;
  return platform() === "linux" ? unnamed[-errno] : undefined;
}
