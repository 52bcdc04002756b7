import { BlockList, isIP } from "node:net";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { AzureCause } from "./errors.ts";
import type { RemoteBlob } from "../store.ts";

/** A source is not tried again after this many refusals in a row. Single refusals are often transient with S3. */
const PATIENCE = 3;

/** Azure's limit for the URL of a source. */
const MAX_URL = 2048;

/** Remembers from which sources Azure can copy. */
export interface AzureSources {
  reaches(from: RemoteBlob): boolean;
  /**
   * The signed URL to send to Azure. Undefined: there is none, or Azure must not get it. Such a URL grants access, so
   * it must be https unless both ends are in the local network, and a cloud never gets a URL of the local network.
   */
  urlOf(from: RemoteBlob): Promise<string | undefined>;
  succeeded(from: RemoteBlob): void;
  refused(from: RemoteBlob): void;
}

export function createSources(endpoint: string): AzureSources {
  const refusals = new Map<string, number>();
  const endpointIsNear = isNear(new URL(endpoint).hostname);
  const count = (from: RemoteBlob, by: number) => {
    const place = placeOf(from);
    if (place !== undefined) refusals.set(place, (refusals.get(place) ?? 0) + by);
  };
  return {
    reaches(from) {
      const place = placeOf(from);
      return place !== undefined && (refusals.get(place) ?? 0) < PATIENCE;
    },
    async urlOf(from) {
      const text = await from.url();
      const url = text === undefined ? null : URL.parse(text);
      const sourceIsNear = url !== null && isNear(url.hostname);
      const fits =
        url !== null && (sourceIsNear ? endpointIsNear && /^https?:$/.test(url.protocol) : url.protocol === "https:");
      if (!fits) count(from, PATIENCE);
      return fits && text!.length <= MAX_URL ? text : undefined;
    },
    succeeded: (from) => void refusals.delete(placeOf(from) ?? ""),
    refused: (from) => count(from, 1),
  };
}

/**
 * What refusals are counted by: the account of an Azure blob, else the bucket. Undefined: the version is unprovable.
 */
function placeOf({ origin }: RemoteBlob): string | undefined {
  if (origin?.urlHasTag !== true) return undefined;
  const { type, host, bucket } = origin;
  return type === "azure" ? `${type} ${host}` : `${type} ${host}/${bucket}`;
}

export function isAzure({ origin }: RemoteBlob): boolean {
  return origin?.type === "azure";
}

const near = new BlockList();
for (const [net, prefix] of [
  ["10.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  near.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  near.addSubnet(net, prefix, "ipv6");

/** Whether the name or address is of this machine or the local network. */
function isNear(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$|\.$/g, "");
  const version = isIP(host);
  if (version !== 0) return near.check(host, version === 4 ? "ipv4" : "ipv6");
  return !host.includes(".") || /\.(?:localhost|local|internal|lan|home\.arpa)$/i.test(host);
}

const conditionCodes = ["BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"];

/**
 * Why a copy failed. `changed`: the source is another version now. `condition`: that, or the target exists. `gone`: the
 * Azure source does not exist. `unsupported`: the service does not support the request. `refused`: Azure cannot read
 * the source, or refuses to. `lost`: the source responded with 404, for an unknown reason.
 */
export type Refusal = "changed" | "condition" | "gone" | "unsupported" | "refused" | "lost";

/** Undefined: not a refusal; the caller must throw the error. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof FeedctlError) || error.code === "interrupted" || error.code === "corrupt") return undefined;
  const { code, statusCode, sourceStatus } = (error.cause ?? {}) as Partial<AzureCause>;
  if (code === "SourceConditionNotMet") return "changed";
  if (conditionCodes.includes(code ?? "")) return "condition";
  if (code === "BlobNotFound") return "gone";
  if (statusCode === 501) return "unsupported";
  if (code === "CannotVerifyCopySource") {
    const status = sourceStatus ?? statusCode;
    if (status === 412) return "changed";
    if (status === 404) return "lost";
    return status === 429 || status === 503 ? undefined : "refused";
  }
  // Some are refusals to write the target; the put that follows reports them.
  if (isFeedctlError(error, "usage", "denied", "conflict", "not-found")) return "refused";
  return code === "OperationTimedOut" ? "refused" : undefined;
}
