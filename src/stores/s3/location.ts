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

/** The ARN of an access point, in the spelling without slashes that S3 accepts as well. Other names stay as they are. */
export function plainArn(bucket: string): string {
  return bucket.startsWith("arn:") ? bucket.replaceAll("/", ":") : bucket;
}

/**
 * Throws `usage` for an ARN with which feedctl cannot reach a bucket. The ARN of an access point has a region, by which the
 * request is signed (docs.aws.amazon.com, "Using access points"). Without region it is a multi-region access point.
 */
export function checkArn(arn: string, { pathStyle }: { pathStyle: boolean }): void {
  const wrong = (why: string, hint: string) => new FeedctlError("usage", `${arn} ${why}`, { hint });
  const [, , service = "", region, , ...resource] = plainArn(arn).split(":");
  if (service === "s3" && region === "" && resource[0] === "accesspoint")
    throw wrong(
      "is a multi-region access point, whose requests are signed in a way that feedctl does not support (SigV4a)",
      "name the bucket of one region, or an access point of it: arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME",
    );
  if (service === "s3" && (resource.length === 1 || resource[0] !== "accesspoint"))
    throw wrong("is no access point", "give a bucket by its name alone, with --bucket");
  if (!/^s3(?:-outposts|-object-lambda)?$/.test(service)) throw wrong("is no place of S3", "give a bucket's name");
  if (pathStyle) throw wrong("cannot be addressed in the path", "leave out --path-style");
}

/**
 * Throws `usage` for a bucket that cannot exist. Amazon's rules hold for its own service; buckets of us-east-1 from before
 * 2018 may have other names, which path style addresses. Of other services only what no URL can hold is refused.
 */
export function checkBucketName(options: StoreOptions): void {
  const bucket = String(options["bucket"] ?? "");
  const { endpoint, region, pathStyle } = options;
  const wrong = (why: string, hint: string) =>
    new FeedctlError("usage", `the bucket name ${JSON.stringify(bucket)} ${why}`, { hint });
  if (bucket.startsWith("arn:")) return checkArn(bucket, { pathStyle: pathStyle === true });
  if (bucket.endsWith("--x-s3")) throw wrong("is a directory bucket's", "use a general purpose bucket");
  const isAmazon = s3Host(typeof endpoint === "string" ? endpoint : undefined, bucket) === "aws";
  const isOld = !isAmazon || (region === "us-east-1" && pathStyle === true);
  if (isOld && /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(bucket)) return;
  if (!isOld && /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !RESERVED.test(bucket)) return;
  throw wrong("cannot exist", "3 to 63 lower-case letters, digits, dots and dashes, as Amazon's naming rules say");
}
