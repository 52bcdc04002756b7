/** The lock file's content without development dependencies. */
export function shrinkwrapOf<Lock extends { packages: Record<string, object> }>(lock: Lock): Lock;
