// Deletes objects: up to 1,000 with one request where the server can, else one by one.
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import { isBeyondXml } from "../shared/xml-text.ts";
import type { DeleteFailure } from "../store.ts";
import type { S3Connection } from "./client.ts";
import { s3Code, s3Status, translateS3Error } from "./errors/translate.ts";

const BATCH = 1000;
/** How many requests delete one object each at once. */
const WIDTH = 16;
/** How servers refuse a request that they do not know: Google's, and what others answer to a POST or a query `delete`. */
const UNKNOWN_REQUEST =
  /^(?:NotImplemented|XNotImplemented|MethodNotAllowed|InvalidArgument|InvalidRequest|InvalidURI|UnsupportedOperation|SignatureDoesNotMatch|)$/;

/** `Store.delete`. */
export async function deleteObject(connection: S3Connection, key: Key, signal: AbortSignal | undefined): Promise<void> {
  const attempt = { action: `delete ${JSON.stringify(key)} from`, key, permission: "s3:DeleteObject", signal };
  await connection.calls.delete(connection.prefix + key, signal).catch((error: unknown) => {
    if (s3Code(error) !== "NoSuchKey") throw translateS3Error(error, connection, attempt);
  });
}

/** `Store.deleteMany`. */
export async function deleteObjects(
  connection: S3Connection,
  keys: readonly Key[],
  signal: AbortSignal | undefined,
): Promise<DeleteFailure[]> {
  throwIfInterrupted(signal);
  const failures: DeleteFailure[] = [];
  const broken: FeedctlError[] = [];
  const named = keys.filter((key) => !isBeyondXml(key));
  const beyond = named.length === keys.length ? [] : keys.filter(isBeyondXml);
  failures.push(...(await deleteSingly(connection, beyond, signal)));
  for (let i = 0; i < named.length; i += BATCH) {
    try {
      failures.push(...(await deleteBatch(connection, named.slice(i, i + BATCH), signal)));
    } catch (error) {
      broken.push(translateS3Error(error, connection, attemptOf(signal)));
      if (signal?.aborted) break;
    }
  }
  const [first] = broken;
  if (first !== undefined) throw first;
  return failures;
}

async function deleteBatch(
  connection: S3Connection,
  batch: readonly Key[],
  signal: AbortSignal | undefined,
): Promise<DeleteFailure[]> {
  if (connection.found.bulkDelete === false) return deleteSingly(connection, batch, signal);
  try {
    const failures = await deleteAtOnce(connection, batch, signal);
    connection.found.bulkDelete = true;
    return failures;
  } catch (error) {
    if (connection.found.bulkDelete === true || !isUnknownRequest(error)) throw error;
    const failures = await deleteSingly(connection, batch, signal);
    // If these fail as well, the request was not what the server refused.
    if (failures.length === batch.length) throw error;
    connection.found.bulkDelete = false;
    return failures;
  }
}

async function deleteAtOnce(
  connection: S3Connection,
  keys: readonly Key[],
  signal: AbortSignal | undefined,
): Promise<DeleteFailure[]> {
  const { calls, prefix } = connection;
  const names = keys.map((key) => prefix + key);
  const failures: DeleteFailure[] = [];
  for (const { key: name, error } of await calls.deleteMany(names, signal)) {
    if (s3Code(error) === "NoSuchKey") continue;
    const key = name.slice(prefix.length) as Key;
    const one = { ...attemptOf(signal), key, action: `delete ${JSON.stringify(key)} from` };
    failures.push({ key, error: translateS3Error(error, connection, one) });
  }
  return failures;
}

async function deleteSingly(
  connection: S3Connection,
  keys: readonly Key[],
  signal: AbortSignal | undefined,
): Promise<DeleteFailure[]> {
  const failures: DeleteFailure[] = [];
  const tried = mapParallel(keys, WIDTH, async (key) => {
    if (signal?.aborted) return;
    await deleteObject(connection, key, signal).catch((error: unknown) => {
      if (!(error instanceof FeedctlError)) throw error;
      failures.push({ key, error });
    });
  });
  for await (const _ of tried);
  throwIfInterrupted(signal);
  return failures;
}

function attemptOf(signal: AbortSignal | undefined) {
  return { action: "delete from", permission: "s3:DeleteObject", signal };
}

/** Whether the server may not know the request. It answered, so it is neither an outage nor a missing permission. */
function isUnknownRequest(error: unknown): boolean {
  const status = s3Status(error) ?? 0;
  if (status === 501 || status === 405) return true;
  return (status === 400 || status === 403 || status === 404) && UNKNOWN_REQUEST.test(s3Code(error));
}
