/** The configuration of an S3 store. Secrets are in plain text. Each member has an option in the descriptor. */
export interface S3Config {
  type: "s3";
  bucket: string;
  /** As the user wrote it; `parseTargetPath` converts it to a key prefix. */
  targetPath?: string | undefined;
  region?: string | undefined;
  endpoint?: string | undefined;
  pathStyle?: boolean | undefined;
  accessKey?: string | undefined;
  secretKey?: string | undefined;
  profile?: string | undefined;
  roleArn?: string | undefined;
  reducedRedundancy?: boolean | undefined;
  makePublic?: boolean | undefined;
  encrypted?: boolean | undefined;
  storageClass?: string | undefined;
  kmsKey?: string | undefined;
  requestPayer?: boolean | undefined;
}
