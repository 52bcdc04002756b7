import { CONFIG_PREFIX_SEPARATOR, loadConfig, NODE_REGION_CONFIG_OPTIONS } from "@smithy/core/config";
import type { S3Config } from "./config.ts";

/**
 * The configuration with the endpoint that the environment or the shared AWS configuration files give to S3, and the
 * region that belongs to it. Unchanged when it names an endpoint, and where the service is Amazon's own.
 *
 * A client of the SDK looks there too, but not before its first request, and never in the profile that it was given.
 */
export async function withConfiguredEndpoint(config: S3Config): Promise<S3Config> {
  if (config.endpoint) return config;
  const init = config.profile ? { profile: config.profile } : {};
  const endpoint = await configuredEndpoint(init);
  if (endpoint === "") return config;
  const region = config.region || (await loadConfig({ ...NODE_REGION_CONFIG_OPTIONS, default: "" }, init)());
  return { ...config, endpoint, ...(region !== "" && { region }) };
}

/**
 * `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the services section of the profile, its `endpoint_url`, in this order
 * (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). Empty: none of them.
 */
async function configuredEndpoint(init: { profile?: string }): Promise<string> {
  const ignored = await loadConfig<boolean>(
    {
      environmentVariableSelector: (env) => isTrue(env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]),
      configFileSelector: (section) => isTrue(section["ignore_configured_endpoint_urls"]),
      default: false,
    },
    init,
  )();
  if (ignored) return "";
  return loadConfig(
    {
      environmentVariableSelector: (env) => env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || undefined,
      configFileSelector: (section, file) =>
        file?.[servicesName(section["services"])]?.[S3_URL] || section["endpoint_url"] || undefined,
      default: "",
    },
    init,
  )();
}

const S3_URL = ["s3", "endpoint_url"].join(CONFIG_PREFIX_SEPARATOR);

/** The name under which the loader keeps a `[services NAME]` section. */
function servicesName(name = ""): string {
  return ["services", name].join(CONFIG_PREFIX_SEPARATOR);
}

function isTrue(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : text.toLowerCase() === "true";
}

/** `AWS_PROFILE`; empty without it. */
export async function environmentProfile(): Promise<string> {
  return loadConfig({
    environmentVariableSelector: (env) => env["AWS_PROFILE"],
    configFileSelector: () => "",
    default: "",
  })();
}
