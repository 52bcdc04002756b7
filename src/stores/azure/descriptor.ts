import { FeedctlError } from "../../errors.ts";
import type { OptionTable, StoreDescriptor } from "../descriptor.ts";
import { belowTarget, prefixSegments, refuseSecretUrl } from "../shared/location.ts";
import { parseConfig } from "../shared/parse-options.ts";
import type { AzureConfig } from "./config.ts";
import { azureHost } from "./location.ts";

const options: OptionTable<AzureConfig> = {
  container: {
    flag: "container",
    value: "CONTAINER",
    description: "container name (must exist)",
    proget: "ContainerName",
    required: true,
  },
  targetPath: {
    flag: "target-path",
    value: "PATH",
    description: "path inside the bucket or container (default: /, its root)",
    proget: "TargetPath",
  },
  connectionString: {
    flag: "connection-string",
    value: "V",
    description: "connection string: env:NAME, file:PATH, - (ask), or the value itself",
    secret: true,
    proget: "ConnectionString",
    environment: ["AZURE_STORAGE_CONNECTION_STRING"],
    unless: "accountUrl",
  },
  accountUrl: {
    flag: "account-url",
    value: "URL",
    description: "https://ACCOUNT.blob.core.windows.net; uses the default Azure credential chain",
    proget: "ContainerUri",
    guarded: true,
  },
};

export const azure: StoreDescriptor<AzureConfig> = {
  type: "azure",
  title: "Azure Blob Storage",
  isLocal: false,
  url: { schemes: ["az", "azure"], property: "container", noun: "container" },
  pathOption: "targetPath",
  options,
  signingHint: "Azure signs them with an account key: give the store a connection string that has one",
  parse: (values, where) => parseConfig("azure", options, values, where),

  check(given) {
    refuseSecretUrl(given, "accountUrl", "account-url");
    if (Boolean(given["connectionString"]) === Boolean(given["accountUrl"]))
      throw new FeedctlError("usage", "an azure store needs --connection-string or --account-url, and not both");
  },

  locate(config) {
    const place = `${azureHost(config)}/${config.container.toLowerCase()}`;
    return { type: "azure", place, segments: prefixSegments(config.targetPath), ignoresCase: false };
  },
  // a location does not know whether it is reached by http or https
  locationName: ({ place, segments }) => `azure ${[place, ...segments].join("/")}`,
  below: belowTarget,
  open: async (config, known) => (await import("./store.ts")).openAzureStore(config, { known }),
};
