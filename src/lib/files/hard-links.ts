/** The errors with which a file system refuses a hard link that it does not have: FAT, exFAT, many network shares. */
const REFUSALS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL", "EXDEV"]);

/** Whether the file cannot have a second name there, although it may be written. */
export function hasNoHardLinks(error: unknown): boolean {
  return REFUSALS.has((error as NodeJS.ErrnoException).code ?? "");
}
