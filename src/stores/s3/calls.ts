// The requests that are made once per blob or per page. They bypass the SDK, which reaches a twentieth of Node's rate.
import { hash } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import { elementOf, elementsOf, problem, readBody } from "./answer.ts";
import { scanListing, type ListingPage } from "./list-scan.ts";
import type { HttpAnswer } from "../shared/http.ts";
import type { SendS3 } from "./send.ts";
import { escapeXml } from "../shared/xml-text.ts";
import { encodePath } from "./sign.ts";
import { limits } from "../../lib/limits.ts";

/** Keys are whole object keys, prefix included. All reject with errors for `translateS3Error`. */
export interface S3Calls {
  /** Resolves with the response headers, names in lower case. */
  head(key: string, signal: AbortSignal | undefined, wanted?: Wanted): Promise<Record<string, string>>;
  /** The caller must read the body to its end or destroy it. */
  get(key: string, wanted: Wanted, signal: AbortSignal | undefined): Promise<HttpAnswer>;
  /** Resolves with `bytes` if the body is short; otherwise as `get`. */
  getWhole(key: string, wanted: Wanted, signal: AbortSignal | undefined): Promise<HttpAnswer>;
  /** Resolves with the ETag, quotes included. */
  put(
    key: string,
    body: PutBody,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined>;
  /** Resolves with the ETag, quotes included. */
  putPart(key: string, part: UploadedPart, signal: AbortSignal | undefined): Promise<string | undefined>;
  /** Resolves with the ETag, quotes included, when the copy is complete. */
  copy(
    key: string,
    from: CopySource,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined>;
  /** Resolves with the ETag, quotes included. */
  copyPart(
    key: string,
    from: CopySource,
    part: CopiedPart,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined>;
  /** Undefined: the response is not a listing. */
  list(prefix: string, token: string | undefined, signal: AbortSignal | undefined): Promise<ListingPage | undefined>;
  delete(key: string, signal: AbortSignal | undefined): Promise<void>;
  /** Deletes at most 1,000 keys. Resolves with those that could not be deleted. */
  deleteMany(keys: readonly string[], signal: AbortSignal | undefined): Promise<{ key: string; error: Error }[]>;
}

/** Headers that select a range of an object, require a version of it, and ask for its checksums. */
export type Wanted = { range?: string; "if-match"?: string; "x-amz-checksum-mode"?: "ENABLED" };

export interface PutBody {
  bytes: Buffer;
  /** Lower-case hex of the bytes. */
  sha256: string;
  /** Lower-case hex; computed if absent. */
  md5?: string | undefined;
}

export interface UploadedPart {
  uploadId: string;
  partNumber: number;
  bytes: Buffer;
  /** Lower-case hex; computed if absent. */
  md5?: string | undefined;
}

/** The source of a server-side copy. */
export interface CopySource {
  bucket: string;
  key: string;
  /** The ETag of the version to copy. The server refuses another version with 412. */
  tag: string;
}

export interface CopiedPart {
  uploadId: string;
  partNumber: number;
  /** Half-open. */
  start: number;
  end: number;
}

const OCTETS = "application/octet-stream";
/** Amazon sends blanks while it copies. Another server may be silent until it has copied 5 GiB on a slow disk. */
const COPY_SILENCE_MS = 15 * 60_000;

export function createCalls(send: SendS3): S3Calls {
  return {
    head: (key, signal, wanted) =>
      send({ method: "HEAD", key, headers: wanted, signal }, async ({ headers, discard }) => {
        await discard();
        return headers;
      }),
    get: (key, headers, signal) => send({ method: "GET", key, headers, signal }, async (answer) => answer),
    getWhole: (key, headers, signal) =>
      send({ method: "GET", key, headers, whole: true, signal }, async (answer) => answer),
    put(key, { bytes, sha256, md5 }, headers, signal) {
      const all = { "content-type": OCTETS, ...headers, "content-md5": md5Header(bytes, md5) };
      return send({ method: "PUT", key, headers: all, body: bytes, sha256, signal }, etagOf);
    },
    putPart(key, { uploadId, partNumber, bytes, md5 }, signal) {
      const query = { partNumber: String(partNumber), uploadId };
      const headers = { "content-md5": md5Header(bytes, md5) };
      return send({ method: "PUT", key, query, headers, body: bytes, signal }, etagOf);
    },
    copy(key, from, headers, signal) {
      const all = { "content-type": OCTETS, ...headers, ...copyHeaders(from) };
      return send({ method: "PUT", key, headers: all, silence: COPY_SILENCE_MS, signal }, copiedTag);
    },
    copyPart(key, from, { uploadId, partNumber, start, end }, signal) {
      const query = { partNumber: String(partNumber), uploadId };
      const headers = { ...copyHeaders(from), "x-amz-copy-source-range": `bytes=${start}-${end - 1}` };
      return send({ method: "PUT", key, query, headers, silence: COPY_SILENCE_MS, signal }, copiedTag);
    },
    list(prefix, token, signal) {
      // URL encoding, because a key may contain characters that XML cannot represent.
      const query = { "list-type": "2", "encoding-type": "url", prefix };
      const whole = token === undefined ? query : { ...query, "continuation-token": token };
      return send({ method: "GET", query: whole, signal }, readPage);
    },
    delete: (key, signal) => send({ method: "DELETE", key, signal }, ({ discard }) => discard()),
    deleteMany(keys, signal) {
      const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
      const xml = `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}<Quiet>true</Quiet></Delete>`;
      const body = Buffer.from(xml);
      // DeleteObjects requires a checksum. CRC32, the SDK's choice, is unknown to servers older than 2024.
      const headers = { "content-type": "application/xml", "content-md5": hash("md5", body, "base64") };
      return send({ method: "POST", query: { delete: "" }, headers, body, signal }, readFailures);
    },
  };
}

function md5Header(bytes: Buffer, md5: string | undefined): string {
  return md5 === undefined ? hash("md5", bytes, "base64") : Buffer.from(md5, "hex").toString("base64");
}

function copyHeaders({ bucket, key, tag }: CopySource): Record<string, string> {
  return {
    // of an access point the whole object is named by an ARN
    "x-amz-copy-source": bucket.startsWith("arn:")
      ? encodePath(`${bucket}/object/${key}`)
      : `/${encodePath(bucket)}/${encodePath(key)}`,
    "x-amz-copy-source-if-match": `"${tag}"`,
  };
}

/** The ETag of a copy. Its response may start with status 200 and blanks, and then contain an error. */
async function copiedTag(answer: HttpAnswer): Promise<string | undefined> {
  const text = (await readBody(answer, limits.listingPage)).toString();
  throwIfProblem(text, { ...answer, status: 500 });
  const tag = elementOf(text, "ETag");
  if (tag === undefined) throw problem("", answer);
  return tag;
}

/** A web page of a proxy, which says 200 to everything, has none. */
async function etagOf(answer: HttpAnswer): Promise<string> {
  await answer.discard();
  const etag = answer.headers["etag"];
  if (etag === undefined)
    throw new FeedctlError("unavailable", "the response to an upload has no ETag: it is not from S3", {
      hint: "is there a proxy, or a login page of the network, between here and the store?",
    });
  return etag;
}

async function readPage(answer: HttpAnswer): Promise<ListingPage | undefined> {
  const bytes = await readBody(answer, limits.listingPage);
  const page = scanListing(bytes);
  if (page === "cut") throw Object.assign(new Error("the listing ended in the middle"), { code: "ECONNRESET" });
  if (page === undefined) throwIfProblem(bytes.toString(), answer);
  else page.server = answer.headers["server"];
  return page;
}

async function readFailures(answer: HttpAnswer): Promise<{ key: string; error: Error }[]> {
  const text = (await readBody(answer, limits.listingPage)).toString();
  throwIfProblem(text, answer);
  // A truncated response may lack failures, and a web page contains none: only a complete DeleteResult counts.
  if (
    text !== "" &&
    !/<(?:[\w.-]+:)?DeleteResult(?:\s[^>]*)?(?:\/>|>.*<\/(?:[\w.-]+:)?DeleteResult\s*>)\s*$/s.test(text)
  )
    throw problem("", answer);
  return [...elementsOf(text, "Error")].map((entry) => {
    const xml = `<Error>${entry}</Error>`;
    const error = Object.assign(new Error(elementOf(xml, "Message") ?? ""), {
      name: elementOf(xml, "Code") || "Error",
    });
    return { key: elementOf(xml, "Key") ?? "", error };
  });
}

/** Throws for an error document: S3 may send one in a response with status 200. */
function throwIfProblem(text: string, answer: Pick<HttpAnswer, "status" | "headers">): void {
  if (/^\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?Error[\s>]/.test(text)) throw problem(text, answer);
}
