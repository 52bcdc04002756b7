import { FeedctlError } from "../../errors.ts";
import { parseEndpoint } from "../shared/endpoint.ts";

/**
 * The normalized host of an endpoint. All endpoints of Google are `google`, because bucket names are unique in all of
 * Google Cloud.
 */
export function gcsHost(endpoint: string | undefined): string {
  if (endpoint === undefined || endpoint.trim() === "") return "google";
  const { host, hostname, path } = parseEndpoint(endpoint, "Google Cloud Storage endpoint");
  return /(^|\.)googleapis\.com$/.test(hostname) ? "google" : host + path;
}

/** Throws `usage` for names that the service never accepts. The service checks the finer rules. */
export function checkBucketName(bucket: string): void {
  if (/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket)) return;
  throw new FeedctlError("usage", `${JSON.stringify(bucket)} is not a bucket name`, {
    hint: "3 or more lower-case letters, digits, dashes, underscores and dots",
  });
}
