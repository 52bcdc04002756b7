import { FeedctlError } from "../../errors.ts";
import type { StoreOptions } from "../descriptor.ts";
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

/**
 * Names that Amazon reserves, and an IPv4 address ("Bucket naming rules"). An access point's alias or ARN is a name,
 * too.
 */
const RESERVED = /^(?:xn--|sthree-|amzn-s3-demo-)|(?:--ol-s3|\.mrap|--table-s3)$|\.\.|^\d+\.\d+\.\d+\.\d+$/;

/**
 * Throws `usage` for a bucket that cannot exist. Amazon's rules hold for its own service; buckets of us-east-1 from before
 * 2018 may have other names, which path style addresses. Of other services only what no URL can hold is refused.
 */
export function checkBucketName(options: StoreOptions): void {
  const bucket = String(options["bucket"] ?? "");
  const { endpoint, region, pathStyle } = options;
  const wrong = (why: string, hint: string) =>
    new FeedctlError("usage", `the bucket name ${JSON.stringify(bucket)} ${why}`, { hint });
  if (/^arn:[a-z-]+:s3[a-z-]*:/.test(bucket)) return;
  if (bucket.endsWith("--x-s3")) throw wrong("is a directory bucket's", "use a general purpose bucket");
  const isAmazon = s3Host(typeof endpoint === "string" ? endpoint : undefined, bucket) === "aws";
  const isOld = !isAmazon || (region === "us-east-1" && pathStyle === true);
  if (isOld && /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(bucket)) return;
  if (!isOld && /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !RESERVED.test(bucket)) return;
  throw wrong("cannot exist", "3 to 63 lower-case letters, digits, dots and dashes, as Amazon's naming rules say");
}
