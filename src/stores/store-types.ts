/** The store types and their options: one table for `store types`, the command line, messages and completions. */
export const storeTypeNames = ["disk", "s3", "azure"] as const;
export type StoreType = (typeof storeTypeNames)[number];

export interface StoreOption {
  /** Property name in `StoreConfig`. */
  readonly property: string;
  /** Long flag without dashes. */
  readonly flag: string;
  /** Placeholder of the value; absent for a yes/no option. */
  readonly value?: string;
  readonly description: string;
  readonly secret?: true;
  /** ProGet's name of the same option, for people who come from there. */
  readonly proget?: string;
}

export interface StoreTypeInfo {
  readonly type: StoreType;
  readonly title: string;
  readonly options: readonly StoreOption[];
}

export const storeTypes: Record<StoreType, StoreTypeInfo> = {
  disk: {
    type: "disk",
    title: "a directory on a local or network disk",
    options: [
      {
        property: "path",
        flag: "path",
        value: "DIR",
        description: "directory of this feed (default: root path, type path, F<id>)",
        proget: "StoragePath",
      },
    ],
  },
  s3: {
    type: "s3",
    title: "Amazon S3 or an S3-compatible service",
    options: [
      {
        property: "bucket",
        flag: "bucket",
        value: "BUCKET",
        description: "bucket name (must exist)",
        proget: "BucketName",
      },
      {
        property: "region",
        flag: "region",
        value: "REGION",
        description: "region endpoint, such as us-east-1",
        proget: "RegionEndpoint",
      },
      {
        property: "targetPath",
        flag: "target-path",
        value: "PATH",
        description: "path inside the bucket or container (default: /, its root)",
        proget: "TargetPath",
      },
      {
        property: "endpoint",
        flag: "endpoint",
        value: "URL",
        description: "service URL of an S3-compatible server",
        proget: "CustomServiceUrl",
      },
      {
        property: "pathStyle",
        flag: "path-style",
        description: "address the bucket in the path instead of the host name",
        proget: "UsePathStyle",
      },
      {
        property: "accessKey",
        flag: "access-key",
        value: "V",
        description: "access key: env:NAME, file:PATH, - (ask), or the value itself",
        secret: true,
        proget: "AccessKey",
      },
      {
        property: "secretKey",
        flag: "secret-key",
        value: "V",
        description: "secret access key: env:NAME, file:PATH, - (ask), or the value itself",
        secret: true,
        proget: "SecretAccessKey",
      },
      {
        property: "profile",
        flag: "profile",
        value: "NAME",
        description: "profile of the shared AWS configuration files",
      },
      { property: "roleArn", flag: "role-arn", value: "ARN", description: "role to assume", proget: "InstanceRole" },
      {
        property: "reducedRedundancy",
        flag: "reduced-redundancy",
        description: "ask for storage class REDUCED_REDUNDANCY",
        proget: "ReducedRedundancy",
      },
      {
        property: "makePublic",
        flag: "make-public",
        description: "store with the canned ACL public-read (without: no ACL is sent)",
        proget: "MakePublic",
      },
      {
        property: "encrypted",
        flag: "encrypted",
        description: "ask for server-side encryption with S3's keys (AES256)",
        proget: "Encrypted",
      },
      {
        property: "storageClass",
        flag: "storage-class",
        value: "CLASS",
        description: "storage class, such as STANDARD_IA",
      },
      { property: "kmsKey", flag: "kms-key", value: "ID", description: "ask for SSE-KMS with this key" },
    ],
  },
  azure: {
    type: "azure",
    title: "Azure Blob Storage",
    options: [
      {
        property: "container",
        flag: "container",
        value: "CONTAINER",
        description: "container name (must exist)",
        proget: "ContainerName",
      },
      {
        property: "targetPath",
        flag: "target-path",
        value: "PATH",
        description: "path inside the bucket or container (default: /, its root)",
        proget: "TargetPath",
      },
      {
        property: "connectionString",
        flag: "connection-string",
        value: "V",
        description: "connection string: env:NAME, file:PATH, - (ask), or the value itself",
        secret: true,
        proget: "ConnectionString",
      },
      {
        property: "accountUrl",
        flag: "account-url",
        value: "URL",
        description: "https://ACCOUNT.blob.core.windows.net; uses the default Azure credential chain",
        proget: "ContainerUri",
      },
    ],
  },
};

export interface DiskConfig {
  type: "disk";
  /** Absolute path of the directory whose files are the blobs. */
  path: string;
}

export interface S3Config {
  type: "s3";
  bucket: string;
  /** As typed; `parseTargetPath` makes the prefix of it. */
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
}

export interface AzureConfig {
  type: "azure";
  container: string;
  targetPath?: string | undefined;
  connectionString?: string | undefined;
  accountUrl?: string | undefined;
}

/** Everything needed to open a store, secrets in the clear: lives in memory only, never printed or saved. */
export type StoreConfig = DiskConfig | S3Config | AzureConfig;
