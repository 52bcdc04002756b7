/** The configuration of a Google Cloud Storage store. Secrets are in plain text. Each member has an option. */
export interface GcsConfig {
  type: "gcs";
  bucket: string;
  /** As typed by the user; `parseTargetPath` turns it into the prefix. */
  targetPath?: string | undefined;
  /** Service URL of an emulator or of a private endpoint. */
  endpoint?: string | undefined;
  /** Path of a service account key in JSON. Default: application default credentials. */
  keyFile?: string | undefined;
  /** Send no credentials: for emulators, and to read public buckets. */
  anonymous?: boolean | undefined;
  storageClass?: string | undefined;
  makePublic?: boolean | undefined;
  kmsKey?: string | undefined;
  /** Customer-supplied encryption key: 32 bytes in Base64. */
  customerKey?: string | undefined;
}
