import { isAbsolute } from "node:path";
import { FeedctlError } from "../../errors.ts";
import type { OptionTable, StoreDescriptor } from "../descriptor.ts";
import { belowTarget, prefixSegments, refuseSecretUrl, requireServiceUrl } from "../shared/location.ts";
import { parseConfig } from "../shared/parse-options.ts";
import type { GcsConfig } from "./config.ts";
import { checkBucketName, gcsHost } from "./location.ts";

const options: OptionTable<GcsConfig> = {
  bucket: { flag: "bucket", value: "BUCKET", description: "bucket name (must exist)", required: true },
  targetPath: {
    flag: "target-path",
    value: "PATH",
    description: "path inside the bucket or container (default: /, its root)",
  },
  endpoint: {
    flag: "endpoint",
    value: "URL",
    description: "service URL of an emulator or private endpoint",
    environment: ["STORAGE_EMULATOR_HOST"],
    guarded: true,
  },
  keyFile: {
    flag: "key-file",
    value: "FILE",
    description: "service account key in JSON (default: application default credentials)",
    guarded: true,
  },
  anonymous: { flag: "anonymous", description: "send no credentials, as emulators want it" },
  storageClass: {
    flag: "storage-class",
    value: "CLASS",
    description: "storage class, such as NEARLINE",
    ofBlobs: true,
  },
  makePublic: { flag: "make-public", description: "store with the predefined ACL publicRead", ofBlobs: true },
  kmsKey: { flag: "kms-key", value: "ID", description: "encrypt with this Cloud KMS key", ofBlobs: true },
  customerKey: {
    flag: "customer-key",
    value: "V",
    description: "encryption key of your own, 32 bytes in Base64: env:NAME, file:PATH, - (ask), or the value itself",
    secret: true,
    ofBlobs: true,
  },
};

export const gcs: StoreDescriptor<GcsConfig> = {
  type: "gcs",
  title: "Google Cloud Storage",
  isLocal: false,
  url: { schemes: ["gs"], property: "bucket", noun: "bucket" },
  pathOption: "targetPath",
  options,
  signingHint:
    "give the store a service account key (--key-file), or credentials that may sign (iam.serviceAccounts.signBlob)",
  parse: (values, where) => parseConfig("gcs", options, values, where),

  check(given) {
    refuseSecretUrl(given, "endpoint", "endpoint");
    requireServiceUrl(given, "endpoint", "endpoint");
    checkBucketName(String(given["bucket"]));
    if (typeof given["keyFile"] === "string" && !isAbsolute(given["keyFile"]))
      throw new FeedctlError("usage", "--key-file must be an absolute path", {
        hint: "a relative one would mean another file in every shell",
      });
    if (given["anonymous"] && given["keyFile"])
      throw new FeedctlError("usage", "--anonymous and --key-file exclude each other");
    if (given["customerKey"] && given["kmsKey"])
      throw new FeedctlError("usage", "--customer-key and --kms-key exclude each other");
  },

  locate({ endpoint, bucket, targetPath }) {
    const place = `${gcsHost(endpoint)}/${bucket}`;
    return { type: "gcs", place, segments: prefixSegments(targetPath), ignoresCase: false };
  },
  locationName({ place, segments }) {
    const slash = place.lastIndexOf("/");
    const host = place.slice(0, slash);
    const name = `gs://${[place.slice(slash + 1), ...segments].join("/")}`;
    return host === "google" ? name : `${name} at ${host}`;
  },
  below: belowTarget,
  open: async (config, known) => (await import("./store.ts")).openGcsStore(config, { known }),
};
