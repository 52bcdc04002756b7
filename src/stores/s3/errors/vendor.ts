import { excerpt } from "../../../lib/text/excerpt.ts";
import { parseRetryAfter } from "../../../lib/concurrency/retry-after.ts";

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

/** Codes of the network: Node's, undici's and those of its HTTP parser. Codes of files are none. */
const NETWORK = /^(?:(?!ENOENT$|EACCES$|EPERM$|EISDIR$|ENOTDIR$)E[A-Z]{2,}|(?:UND_ERR|HPE|ERR)_\w+)$/;

/** Whether an error says that the network failed, not that a server refused or a setting is wrong. */
export function isNetworkError({ code = "", name }: Vendor): boolean {
  return name === "TimeoutError" || NETWORK.test(code);
}

/** Sentences of servers that say no more than the status does. */
const EMPTY = /^(?:access denied|forbidden|unauthori[sz]ed|bad request|method not allowed|unknown\w*|\d*)\.?$/i;

/** The server's own sentence as one line. Undefined: it has none, or one that says no more than the error's code. */
export function reasonOf({ message = "" }: Vendor): string | undefined {
  const line = excerpt(message.replaceAll(/\s+/g, " ").trim());
  return EMPTY.test(line) ? undefined : line;
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
