import { BlockList, isIP } from "node:net";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { AzureCause } from "./errors.ts";
import type { RemoteBlob } from "../store.ts";

/** So many refusals in a row, and a source is not tried again: single ones come and go, most of all with S3's. */
const PATIENCE = 3;

/** Azure's limit of a source's URL. */
const MAX_URL = 2048;

/** Where blobs come from, and what is known of Azure's ways to get at them. */
export interface AzureSources {
  reaches(from: RemoteBlob): boolean;
  /**
   * The URL to be handed to Azure; undefined: there is none, or it must not be handed over. A URL opens the blob to
   * whoever sees it: it goes over https alone, unless both ends are near, and never to a cloud that cannot reach it.
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

/** Undefined: Azure could not prove which version it fetched. Of Azure's own blobs the account decides. */
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

/** This machine or its own network, as far as the name tells. */
function isNear(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$|\.$/g, "");
  const version = isIP(host);
  if (version !== 0) return near.check(host, version === 4 ? "ipv4" : "ipv6");
  return !host.includes(".") || /\.(?:localhost|local|internal|lan|home\.arpa)$/i.test(host);
}

const conditionCodes = ["BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"];

/**
 * What a failed copy means. `changed`: the source is another version now. `condition`: that, or something stands where
 * nothing should. `gone`: Azure has no such blob. `unsupported`: this service does not know the request. `refused`: it
 * cannot get at the source, or does not want to. `lost`: it found nothing there, and only the source can tell why.
 */
export type Refusal = "changed" | "condition" | "gone" | "unsupported" | "refused" | "lost";

/** Undefined: the failure stands as it is. */
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
  // Among them refusals of our own: then the put that follows says so.
  if (isFeedctlError(error, "usage", "denied", "conflict", "not-found")) return "refused";
  return code === "OperationTimedOut" ? "refused" : undefined;
}
