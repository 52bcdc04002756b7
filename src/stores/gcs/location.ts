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
