import { FeedctlError } from "../../errors.ts";
import { parseEndpoint } from "../shared/endpoint.ts";

/**
 * The server of a bucket, under one spelling. Bucket names are unique in all of Google Cloud, so every endpoint of
 * Google's is the same place.
 */
export function gcsHost(endpoint: string | undefined): string {
  if (endpoint === undefined || endpoint.trim() === "") return "google";
  const { host, hostname, path } = parseEndpoint(endpoint, "Google Cloud Storage endpoint");
  return /(^|\.)googleapis\.com$/.test(hostname) ? "google" : host + path;
}

/** Throws `usage` for what the service would never take; it checks the finer rules itself. */
export function checkBucketName(bucket: string): void {
  if (/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket)) return;
  throw new FeedctlError("usage", `${JSON.stringify(bucket)} is not a bucket name`, {
    hint: "3 or more lower-case letters, digits, dashes, underscores and dots",
  });
}
