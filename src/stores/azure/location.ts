import { FeedctlError } from "../../errors.ts";
import { parseEndpoint } from "../shared/endpoint.ts";
import type { AzureConfig } from "./config.ts";

/**
 * The canonical name of the account of a container: its blob host, and the path if the host does not name the account.
 */
export function azureHost({ connectionString, accountUrl, container }: AzureConfig): string {
  const { host, path } = parseEndpoint(azureEndpoint(connectionString, accountUrl), "Azure endpoint");
  // ACCOUNT[-secondary][.privatelink][.zNN].blob|dfs.SUFFIX: all of these name the same account.
  const named = /^([a-z0-9]+)(?:-secondary)?(?:\.privatelink)?(?:\.z\d+)?\.(?:blob|dfs)\.([^:]+)$/.exec(host);
  // If the host names the account, the path only names a container.
  if (named !== null) return `${named[1]}.blob.${named[2]}`;
  // ProGet's ContainerUri ends in the container.
  return host + (path.endsWith(`/${container}`) ? path.slice(0, -container.length - 1) : path);
}

function azureEndpoint(connectionString: string | undefined, accountUrl: string | undefined): string {
  if (!connectionString) {
    if (accountUrl) return accountUrl;
    throw new FeedctlError("usage", "an Azure store needs a connection string or an account URL");
  }
  const parts = new Map<string, string>();
  for (const part of connectionString.split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0) parts.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  if (parts.get("usedevelopmentstorage")?.toLowerCase() === "true") {
    const proxy = parseEndpoint(parts.get("developmentstorageproxyuri") || "http://127.0.0.1", "Azure endpoint");
    return `http://${proxy.hostname}:10000/devstoreaccount1`;
  }
  const endpoint = parts.get("blobendpoint");
  if (endpoint) return endpoint;
  const account = parts.get("accountname");
  // The connection string is a secret: the message must not show any of it.
  if (!account) throw new FeedctlError("usage", "the Azure connection string names no account and no blob endpoint");
  return `https://${account}.blob.${parts.get("endpointsuffix") || "core.windows.net"}`;
}

/** Throws `usage` for a container that cannot exist ("Naming and Referencing Containers, Blobs, and Metadata"). */
export function checkContainerName(container: string): void {
  if (/^(?=.{3,63}$)(\$web|[a-z0-9]+(-[a-z0-9]+)*)$/.test(container)) return;
  throw new FeedctlError("usage", `${JSON.stringify(container)} is not a container name`, {
    hint: "3 to 63 lower-case letters, digits and single dashes",
  });
}
