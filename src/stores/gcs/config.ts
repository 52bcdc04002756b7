/** How a Google Cloud Storage store is opened, secrets in the clear. Each member has an option in the descriptor. */
export interface GcsConfig {
  type: "gcs";
  bucket: string;
  /** As typed; `parseTargetPath` makes the prefix of it. */
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
