/** Names of the log formats, as the command line spells them, in the order in which `auto` asks them. */
export const logFormats = ["s3", "azure", "gcs", "combined", "w3c", "json"] as const;
export type LogFormat = (typeof logFormats)[number];
