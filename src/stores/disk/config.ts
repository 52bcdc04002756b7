/** The configuration of a disk store. */
export interface DiskConfig {
  type: "disk";
  /** Absolute path of the directory whose files are the blobs. */
  path: string;
}
