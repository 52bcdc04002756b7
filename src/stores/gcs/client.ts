// The only file that loads Google's libraries: google-auth-library for credentials, @google-cloud/storage to sign URLs.
//
// Requests use our own HTTP client. The library's requests have no AbortSignal, prefer STORAGE_EMULATOR_HOST to an
// explicit endpoint, detect wrong bytes only after the object is visible, and compute CRC32C in JavaScript at about a
// tenth of the speed of MD5.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { GoogleAuth, JWT } from "google-auth-library";
import { FeedctlError } from "../../errors.ts";
import { registerSecrets } from "../../lib/text/redact.ts";
import { parseTargetPath } from "../key.ts";
import { openHttp, type HttpClient } from "../shared/http.ts";
import type { StoreTraits } from "../traits.ts";
import type { GcsConfig } from "./config.ts";
import { translateAuthError, type GcsPlace } from "./errors.ts";
import { checkBucketName } from "./location.ts";

const SCOPES = ["https://www.googleapis.com/auth/cloud-platform"];
const GOOGLE = "https://storage.googleapis.com";

export interface GcsConnection extends GcsPlace {
  /** The service URL. Its path may end with a slash. */
  readonly endpoint: URL;
  /** The prefix of every object name of this store: `""` or `a/b/`. */
  readonly prefix: string;
  readonly http: HttpClient;
  /** What is known of the service, and what is found meanwhile. */
  readonly found: StoreTraits;
  /** Returns the authorization headers; none for anonymous requests. Rejects with `denied` or `unavailable`. */
  authorize(): Promise<Record<string, string>>;
  /** The properties that new objects get. */
  readonly creation: { storageClass?: string; predefinedAcl?: string; kmsKeyName?: string };
  /** The headers of a customer-supplied key; empty without one. */
  readonly encryption: Readonly<Record<string, string>>;
  /**
   * A signed URL that works for `seconds`. Undefined: the store is anonymous or uses a customer key, or the credentials
   * cannot sign.
   */
  readUrl(name: string, seconds: number): Promise<string | undefined>;
}

/** Checks the configuration and reads the key file. Sends nothing. Throws `usage`, and `denied` for the key file. */
export async function connectGcs(config: GcsConfig, known: StoreTraits = {}): Promise<GcsConnection> {
  const { bucket, anonymous = false, storageClass, makePublic, kmsKey } = config;
  checkBucketName(bucket);
  const endpoint = parseServiceUrl(config.endpoint, anonymous);
  const prefix = parseTargetPath(config.targetPath ?? "");
  const path = `gs://${bucket}${prefix && `/${prefix.slice(0, -1)}`}`;
  const name = endpoint.origin === GOOGLE ? path : `${path} at ${endpoint.origin}`;
  const auth = anonymous ? undefined : await openAuth(config.keyFile);
  return {
    endpoint,
    bucket,
    prefix,
    name,
    host: endpoint.host,
    http: openHttp(),
    found: { ...(endpoint.origin === GOOGLE && { sortedList: true }), ...known },
    async authorize() {
      if (auth === undefined) return {};
      const headers = await auth.getRequestHeaders(endpoint.href).catch((error: unknown) => {
        throw translateAuthError(error, { name });
      });
      registerSecrets(headers.get("authorization")?.replace(/^Bearer /i, ""));
      return Object.fromEntries(headers);
    },
    creation: {
      ...(storageClass ? { storageClass } : {}),
      ...(makePublic ? { predefinedAcl: "publicRead" } : {}),
      ...(kmsKey ? { kmsKeyName: kmsKey } : {}),
    },
    encryption: encryptionHeaders(config.customerKey),
    readUrl: async (object, seconds) =>
      auth === undefined || config.customerKey ? undefined : signUrl(auth, endpoint, { bucket, object, seconds }),
  };
}

/** Throws `usage` for plain HTTP with credentials: tokens are never sent unencrypted. */
function parseServiceUrl(text: string | undefined, anonymous: boolean): URL {
  const given = text?.trim() || GOOGLE;
  const hint = "give a URL such as http://localhost:4443";
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw usage("the endpoint of the Google Cloud Storage store is not an http or https URL", hint);
  if (url.username + url.password + url.search + url.hash !== "")
    throw usage("the endpoint must not hold credentials, a query or a fragment", hint);
  if (url.protocol === "http:" && !anonymous)
    throw usage("credentials are not sent over plain http", "add --anonymous for an emulator, or use https");
  return url;
}

async function openAuth(keyFile: string | undefined): Promise<GoogleAuth> {
  if (!keyFile) return new GoogleAuth({ scopes: SCOPES });
  const { email, key } = await readKeyFile(keyFile);
  registerSecrets(key);
  const auth = new GoogleAuth({ authClient: new JWT({ email, key, scopes: SCOPES }) });
  // The URL signer gets the account name from this method. The library implements it only for keys that it has read.
  auth.getCredentials = async () => ({ client_email: email, private_key: key });
  return auth;
}

/** Reads a service account key. Throws `denied` and `usage`; messages contain the path, never the content. */
async function readKeyFile(path: string): Promise<{ email: string; key: string }> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new FeedctlError("denied", `the key file ${path} cannot be read: ${error.code ?? error.message}`, {
      hint: "correct --key-file",
    });
  });
  let values: { type?: unknown; client_email?: unknown; private_key?: unknown } | null;
  try {
    values = JSON.parse(text) as typeof values;
  } catch {
    values = null;
  }
  const { type, client_email: email, private_key: key } = values ?? {};
  if (type === "service_account" && typeof email === "string" && typeof key === "string") return { email, key };
  throw usage(
    `${path} is not a service account key in JSON`,
    "for credentials of another kind leave out --key-file and set GOOGLE_APPLICATION_CREDENTIALS",
  );
}

/** The headers of "Customer-supplied encryption keys" in Google's documentation. Throws `usage` for an invalid key. */
function encryptionHeaders(customerKey: string | undefined): Record<string, string> {
  if (!customerKey) return {};
  registerSecrets(customerKey);
  const key = Buffer.from(customerKey, "base64");
  if (key.length !== 32 || key.toString("base64") !== customerKey)
    throw usage("the customer key is not 32 bytes in Base64", "make one with: openssl rand -base64 32");
  return {
    "x-goog-encryption-algorithm": "AES256",
    "x-goog-encryption-key": customerKey,
    "x-goog-encryption-key-sha256": createHash("sha256").update(key).digest("base64"),
  };
}

/** Returns undefined when the credentials cannot sign. */
async function signUrl(
  auth: GoogleAuth,
  endpoint: URL,
  { bucket, object, seconds }: { bucket: string; object: string; seconds: number },
): Promise<string | undefined> {
  const { Storage } = await import("@google-cloud/storage");
  const storage = new Storage({ authClient: auth, apiEndpoint: endpoint.href.replace(/\/$/, "") });
  const expires = Date.now() + seconds * 1000;
  try {
    const [url] = await storage.bucket(bucket).file(object).getSignedUrl({ version: "v4", action: "read", expires });
    return url;
  } catch (error) {
    if ((error as Error).name === "SigningError" || /credentials/i.test((error as Error).message)) return undefined;
    throw error;
  }
}

function usage(message: string, hint: string): FeedctlError {
  return new FeedctlError("usage", message, { hint });
}
