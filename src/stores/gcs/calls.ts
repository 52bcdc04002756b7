// The requests of the JSON API that this adapter sends, one function each. They reject with a `GcsRefusal` when the
// service responds with an error, and with a network error when it does not respond.
import type { Readable } from "node:stream";
import { networkError, type HttpAnswer } from "../shared/http.ts";
import type { GcsConnection } from "./client.ts";
import { GcsRefusal } from "./errors.ts";
import { FIELDS, type GcsObject } from "./info.ts";
import { SETTINGS, VERSIONS, type BucketSettings } from "./settings.ts";

/** The parameters of a query. Undefined ones are left out. */
type Query = Record<string, string | undefined>;

export interface ListingPage {
  kind?: string;
  items?: GcsObject[];
  nextPageToken?: string;
}

/** The progress of a resumable upload: the finished object, or the number of bytes that the service has stored. */
export type UploadState = { object: GcsObject } | { stored: number };

export interface Media {
  headers: Record<string, string>;
  body: Readable;
}

export interface GcsCalls {
  settings(signal?: AbortSignal): Promise<BucketSettings>;
  /** The properties of an object; `bucket` defaults to the store's. */
  stat(name: string, signal?: AbortSignal, bucket?: string): Promise<GcsObject>;
  /**
   * Downloads an object. `range` is the value of the Range header. With `generation`, the service returns the bytes of
   * that generation or 404.
   */
  media(name: string, wanted: { generation?: string; range?: string }, signal?: AbortSignal): Promise<Media>;
  list(prefix: string, pageToken: string | undefined, limit: number, signal?: AbortSignal): Promise<ListingPage>;
  /** `versions`: all versions of the objects; `softDeleted`: the objects that were deleted softly. */
  listVersions(
    prefix: string,
    pageToken: string | undefined,
    kind: "versions" | "softDeleted",
    signal?: AbortSignal,
  ): Promise<ListingPage>;
  /**
   * Uploads an object with one request. `generation` is a precondition: the object must have this generation now; "0":
   * it must not exist; undefined: no precondition.
   */
  insert(object: GcsObject, bytes: Buffer, generation: string | undefined, signal?: AbortSignal): Promise<GcsObject>;
  /** Starts a resumable upload. Returns its session URL, a secret: it needs no credentials to finish the upload. */
  begin(object: GcsObject, size: number, generation: string | undefined, signal?: AbortSignal): Promise<URL>;
  /** Uploads a part. `md5` (Base64) is sent with the last one: the service rejects an upload with another hash. */
  append(
    session: URL,
    part: { bytes: Buffer; start: number; total: number; md5?: string | undefined },
    signal?: AbortSignal,
  ): Promise<UploadState>;
  /** Asks the service how much of an upload of `total` bytes it has stored. */
  uploadState(session: URL, total: number, signal?: AbortSignal): Promise<UploadState>;
  cancelUpload(session: URL): Promise<void>;
  /** One step of a copy within the service. Returns the object after the last step, else the token of the next. */
  rewrite(
    from: { bucket: string; name: string; generation: string },
    to: GcsObject,
    step: { generation: string | undefined; token: string | undefined },
    signal?: AbortSignal,
  ): Promise<{ object?: GcsObject; token?: string }>;
  /** Changes the properties of one generation. The service removes entries that are null. */
  patch(
    name: string,
    versions: { generation: string; metageneration: string | undefined },
    changes: object,
    signal?: AbortSignal,
  ): Promise<GcsObject>;
  /** Deletes an object. With `generation`, only that generation: 404 if the object has another. */
  remove(name: string, generation?: string, signal?: AbortSignal): Promise<void>;
}

/** Milliseconds without a byte before a copy times out. The service is silent during a step of up to 30 s. */
const COPY_SILENCE = 120_000;
/** The status of an unfinished resumable upload. */
const INCOMPLETE = 308;

export function createCalls(connection: GcsConnection): GcsCalls {
  const { endpoint, bucket, creation, encryption, http } = connection;
  const base = endpoint.href.replace(/\/$/, "");
  const { storageClass, predefinedAcl, kmsKeyName } = creation;
  const objects = `/storage/v1/b/${bucket}/o`;

  const urlOf = (path: string, query: Query): URL => {
    const url = new URL(`${base}${path}`);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  };
  const objectPath = (name: string, of = bucket) => `/storage/v1/b/${of}/o/${encodeURIComponent(name)}`;

  async function send(
    method: string,
    url: URL,
    { headers = {}, body, silence, signal, anonymous = false }: Sending = {},
  ): Promise<HttpAnswer> {
    const credentials = anonymous ? {} : await connection.authorize();
    return http.send({
      origin: url.origin,
      method,
      path: url.pathname + url.search,
      // logs of the bucket then show which requests are feedctl's own
      headers: { "user-agent": "feedctl", ...headers, ...credentials },
      body,
      silence,
      signal,
    });
  }

  async function ask<T>(method: string, url: URL, sending: Sending = {}): Promise<T> {
    const answer = await send(method, url, sending);
    if (answer.status < 200 || answer.status > 299) throw await refusalOf(answer);
    return parse<T>(answer);
  }

  const created = (object: GcsObject) => ({ ...(storageClass !== undefined && { storageClass }), ...object });

  return {
    stat: (name, signal, of) =>
      ask("GET", urlOf(objectPath(name, of), { fields: FIELDS }), { headers: encryption, signal }),

    async media(name, { generation, range }, signal) {
      const headers = {
        ...encryption,
        // Without it the service decompresses objects that are stored compressed, which changes their size and hash.
        "accept-encoding": "gzip",
        ...(range !== undefined && { range }),
      };
      const answer = await send("GET", urlOf(objectPath(name), { alt: "media", generation }), { headers, signal });
      if (answer.status !== 200 && answer.status !== 206) throw await refusalOf(answer);
      return { headers: answer.headers, body: answer.body };
    },

    list(prefix, pageToken, limit, signal) {
      const fields = `kind,nextPageToken,items(${FIELDS})`;
      const query = { prefix, maxResults: String(limit), pageToken, fields, projection: "noAcl" };
      return ask("GET", urlOf(objects, query), { signal });
    },

    settings: (signal) => ask("GET", urlOf(`/storage/v1/b/${bucket}`, { fields: SETTINGS }), { signal }),

    listVersions(prefix, pageToken, kind, signal) {
      return ask("GET", urlOf(objects, { prefix, pageToken, [kind]: "true", fields: VERSIONS }), { signal });
    },

    insert(object, bytes, ifGenerationMatch, signal) {
      const boundary = `feedctl-${Buffer.from(object.md5Hash ?? "").toString("hex")}`;
      const type = object.contentType ?? "application/octet-stream";
      const body = Buffer.concat([
        Buffer.from(`--${boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n`),
        Buffer.from(JSON.stringify(created(object))),
        Buffer.from(`\r\n--${boundary}\r\ncontent-type: ${type}\r\n\r\n`),
        bytes,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ]);
      const headers = { ...encryption, "content-type": `multipart/related; boundary=${boundary}` };
      const query = { uploadType: "multipart", ifGenerationMatch, predefinedAcl, kmsKeyName, fields: FIELDS };
      return ask("POST", urlOf(`/upload/storage/v1/b/${bucket}/o`, query), { headers, body, signal });
    },

    async begin(object, size, ifGenerationMatch, signal) {
      const query = { uploadType: "resumable", name: object.name, ifGenerationMatch, predefinedAcl, kmsKeyName };
      const { headers: type, body } = json(created(object));
      const headers = {
        ...encryption,
        ...type,
        "x-upload-content-length": String(size),
        ...(object.contentType !== undefined && { "x-upload-content-type": object.contentType }),
      };
      const url = urlOf(`/upload/storage/v1/b/${bucket}/o`, query);
      const answer = await send("POST", url, { headers, body, signal });
      const session = URL.parse(answer.headers["location"] ?? "");
      if (answer.status !== 200 || session === null) throw await refusalOf(answer);
      await answer.discard();
      return session;
    },

    async append(session, { bytes, start, total, md5 }, signal) {
      const headers = {
        ...encryption,
        "content-range": `bytes ${start}-${start + bytes.length - 1}/${total}`,
        ...(md5 !== undefined && { "x-goog-hash": `md5=${md5}` }),
      };
      return stateOf(await send("PUT", session, { headers, body: bytes, signal, anonymous: true }));
    },
    async uploadState(session, total, signal) {
      const headers = { "content-range": `bytes */${total}` };
      return stateOf(await send("PUT", session, { headers, body: Buffer.alloc(0), signal, anonymous: true }));
    },
    async cancelUpload(session) {
      await (await send("DELETE", session, { anonymous: true })).discard();
    },

    async rewrite(from, to, { generation, token }, signal) {
      const path = `${objectPath(from.name, from.bucket)}/rewriteTo/b/${bucket}/o/${encodeURIComponent(to.name ?? "")}`;
      const query = {
        sourceGeneration: from.generation,
        ifGenerationMatch: generation,
        rewriteToken: token,
        destinationPredefinedAcl: predefinedAcl,
        destinationKmsKeyName: kmsKeyName,
      };
      const { headers: type, body } = json(created(to));
      const source = Object.entries(encryption).map(([header, value]) => [
        header.replace("x-goog-", "x-goog-copy-source-"),
        value,
      ]);
      const headers = { ...encryption, ...(Object.fromEntries(source) as Record<string, string>), ...type };
      const sending = { headers, body, signal, silence: COPY_SILENCE };
      const answer = await ask<{ done?: boolean; resource?: GcsObject; rewriteToken?: string }>(
        "POST",
        urlOf(path, query),
        sending,
      );
      return answer.done && answer.resource !== undefined
        ? { object: answer.resource }
        : { ...(answer.rewriteToken !== undefined && { token: answer.rewriteToken }) };
    },

    patch(name, { generation, metageneration }, changes, signal) {
      const query = { ifGenerationMatch: generation, ifMetagenerationMatch: metageneration, fields: FIELDS };
      const { headers, body } = json(changes);
      return ask("PATCH", urlOf(objectPath(name), query), { headers: { ...encryption, ...headers }, body, signal });
    },

    async remove(name, generation, signal) {
      const answer = await send("DELETE", urlOf(objectPath(name), { generation }), { signal });
      if (answer.status > 299) throw await refusalOf(answer);
      await answer.discard();
    },
  };
}

function json(value: object) {
  return {
    headers: { "content-type": "application/json; charset=utf-8" },
    body: Buffer.from(JSON.stringify(value)),
  };
}

interface Sending {
  headers?: Record<string, string> | undefined;
  body?: Buffer | undefined;
  /** Milliseconds without a byte before the request times out. */
  silence?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Send no credentials. For session URLs, which contain their own. */
  anonymous?: boolean | undefined;
}

async function textOf(answer: HttpAnswer): Promise<string> {
  if (answer.bytes !== undefined) return answer.bytes.toString("utf8");
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer.body) chunks.push(chunk as Buffer);
  } catch (error) {
    throw networkError(error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function parse<T>(answer: HttpAnswer): Promise<T> {
  const text = await textOf(answer);
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new GcsRefusal(502, "the answer is not JSON", "", answer.headers);
  }
}

/** Reads an error response: JSON, or plain text when the request was a download. */
async function refusalOf(answer: HttpAnswer): Promise<GcsRefusal> {
  const text = await textOf(answer);
  let message = text.split("\n")[0]?.slice(0, 300) ?? "";
  let reason = "";
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string; errors?: { reason?: string }[] } };
    message = error?.message ?? message;
    reason = error?.errors?.[0]?.reason ?? "";
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
  }
  return new GcsRefusal(answer.status, message, reason, answer.headers);
}

async function stateOf(answer: HttpAnswer): Promise<UploadState> {
  if (answer.status === INCOMPLETE) {
    await answer.discard();
    const last = /-(\d+)$/.exec(answer.headers["range"] ?? "")?.[1];
    return { stored: last === undefined ? 0 : Number(last) + 1 };
  }
  if (answer.status > 299) throw await refusalOf(answer);
  return { object: await parse<GcsObject>(answer) };
}
