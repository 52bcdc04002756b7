import { FeedctlError } from "../../errors.ts";
import type { OptionTable, StoreDescriptor } from "../descriptor.ts";
import { belowTarget, prefixSegments, refuseSecretUrl, requireServiceUrl } from "../shared/location.ts";
import { parseConfig } from "../shared/parse-options.ts";
import type { S3Config } from "./config.ts";
import { checkBucketName, plainArn, s3Host } from "./location.ts";

const options: OptionTable<S3Config> = {
  bucket: {
    flag: "bucket",
    value: "BUCKET",
    description: "bucket name (must exist)",
    proget: "BucketName",
    required: true,
  },
  region: {
    flag: "region",
    value: "REGION",
    description: "region endpoint, such as us-east-1",
    proget: "RegionEndpoint",
    environment: ["AWS_REGION", "AWS_DEFAULT_REGION"],
  },
  targetPath: {
    flag: "target-path",
    value: "PATH",
    description: "path inside the bucket or container (default: /, its root)",
    proget: "TargetPath",
  },
  endpoint: {
    flag: "endpoint",
    value: "URL",
    description: "service URL of an S3-compatible server",
    proget: "CustomServiceUrl",
    guarded: true,
  },
  pathStyle: {
    flag: "path-style",
    description: "address the bucket in the path instead of the host name",
    proget: "UsePathStyle",
  },
  accessKey: {
    flag: "access-key",
    value: "V",
    description: "access key: env:NAME, file:PATH, - (ask), or the value itself",
    secret: true,
    proget: "AccessKey",
  },
  secretKey: {
    flag: "secret-key",
    value: "V",
    description: "secret access key: env:NAME, file:PATH, - (ask), or the value itself",
    secret: true,
    proget: "SecretAccessKey",
  },
  profile: {
    flag: "profile",
    value: "NAME",
    description: "profile of the shared AWS configuration files",
    guarded: true,
  },
  roleArn: { flag: "role-arn", value: "ARN", description: "role to assume", proget: "InstanceRole", guarded: true },
  reducedRedundancy: {
    flag: "reduced-redundancy",
    description: "ask for storage class REDUCED_REDUNDANCY",
    ofBlobs: true,
    proget: "ReducedRedundancy",
  },
  makePublic: {
    flag: "make-public",
    description: "store with the canned ACL public-read (without: no ACL is sent)",
    ofBlobs: true,
    proget: "MakePublic",
  },
  encrypted: {
    flag: "encrypted",
    description: "ask for server-side encryption with S3's keys (AES256)",
    ofBlobs: true,
    proget: "Encrypted",
  },
  storageClass: {
    flag: "storage-class",
    value: "CLASS",
    description: "storage class, such as STANDARD_IA",
    ofBlobs: true,
  },
  kmsKey: { flag: "kms-key", value: "ID", description: "ask for SSE-KMS with this key", ofBlobs: true },
  requestPayer: {
    flag: "request-payer",
    description: "pay for requests and downloads, for a bucket whose requester pays",
  },
};

export const s3: StoreDescriptor<S3Config> = {
  type: "s3",
  title: "Amazon S3 or an S3-compatible service",
  isLocal: false,
  url: { schemes: ["s3"], property: "bucket", noun: "bucket" },
  pathOption: "targetPath",
  options,
  signingHint: "give the store an access key or a role that may sign",
  parse: (values, where) => parseConfig("s3", options, values, where),

  check(given) {
    refuseSecretUrl(given, "endpoint", "endpoint");
    requireServiceUrl(given, "endpoint", "endpoint");
    checkBucketName(given);
    if (!given["endpoint"] && !given["region"])
      throw new FeedctlError("usage", "a s3 store needs --region", { hint: `feedctl store set --help` });
    if (Boolean(given["accessKey"]) !== Boolean(given["secretKey"])) {
      throw new FeedctlError("usage", "--access-key and --secret-key go together", {
        hint: "give both, or neither to use the default credential chain",
      });
    }
    if (given["encrypted"] && given["kmsKey"])
      throw new FeedctlError("usage", "--encrypted and --kms-key exclude each other");
    if (given["reducedRedundancy"] && given["storageClass"])
      throw new FeedctlError("usage", "--reduced-redundancy and --storage-class exclude each other");
  },

  resolve: async (config) => (await import("./configured-endpoint.ts")).withConfiguredEndpoint(config),
  locate({ endpoint, bucket, targetPath }) {
    const place = `${s3Host(endpoint, bucket)}/${plainArn(bucket)}`;
    return { type: "s3", place, segments: prefixSegments(targetPath), ignoresCase: false };
  },
  locationName({ place, segments }) {
    const slash = place.lastIndexOf("/");
    const host = place.slice(0, slash);
    const name = `s3://${[place.slice(slash + 1), ...segments].join("/")}`;
    return host === "aws" ? name : `${name} at ${host}`;
  },
  below: belowTarget,
  open: async (config, known) => (await import("./store.ts")).openS3Store(config, { known }),
};
