import { parseEndpoint } from "../shared/endpoint.ts";

/**
 * The server of an S3 bucket, under one spelling. Bucket names are unique in all of AWS, so every AWS endpoint is the
 * same place. Elsewhere the scheme and its port say nothing: one server is often reached both ways.
 */
export function s3Host(endpoint: string | undefined, bucket: string): string {
  if (endpoint === undefined || endpoint.trim() === "") return "aws";
  const { host, hostname, path } = parseEndpoint(endpoint, "S3 endpoint");
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname)) return "aws";
  const virtualHost = `${bucket.toLowerCase()}.`;
  return (host.startsWith(virtualHost) ? host.slice(virtualHost.length) : host) + path;
}
