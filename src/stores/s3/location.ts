import { parseEndpoint } from "../shared/endpoint.ts";

/**
 * The canonical name of the server of an S3 bucket. Bucket names are unique in all of AWS, so every AWS endpoint is
 * `aws`. For other servers http and https with their default ports are the same server.
 */
export function s3Host(endpoint: string | undefined, bucket: string): string {
  if (endpoint === undefined || endpoint.trim() === "") return "aws";
  const { host, hostname, path } = parseEndpoint(endpoint, "S3 endpoint");
  if (/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname)) return "aws";
  const virtualHost = `${bucket.toLowerCase()}.`;
  return (host.startsWith(virtualHost) ? host.slice(virtualHost.length) : host) + path;
}
