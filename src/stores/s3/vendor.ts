import { parseRetryAfter } from "../../lib/concurrency/retry-after.ts";

/** The members of the errors of S3, the SDK and the network that are used here. */
export interface Vendor {
  name?: string;
  code?: string;
  message?: string;
  hostname?: string;
  Region?: string;
  /** Of a signature that does not match: whether other requests with the same keys succeeded. */
  keysWork?: boolean;
  ServerTime?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
  $response?: { statusCode?: number; headers?: Record<string, string> };
}

export function regionOf(vendor: Vendor): string | undefined {
  const header = vendor.$response?.headers?.["x-amz-bucket-region"];
  return header ?? vendor.Region ?? /expecting '([^']+)'/.exec(vendor.message ?? "")?.[1];
}

export function retryAfterOf({ $response }: Vendor): number | undefined {
  return parseRetryAfter($response?.headers?.["retry-after"], $response?.headers?.["date"]);
}

export function clockDifference({ ServerTime, $response }: Vendor): string {
  const server = Date.parse(ServerTime ?? $response?.headers?.["date"] ?? "");
  if (Number.isNaN(server)) return "";
  const seconds = Math.round((Date.now() - server) / 1000);
  return ` by ${Math.abs(seconds)} s (this machine is ${seconds < 0 ? "behind" : "ahead"})`;
}
