// S3's short XML responses, and its error responses in the shape of the SDK's errors, which errors.ts reads.
import { networkError, type HttpAnswer } from "../shared/http.ts";
import { unescapeXml } from "../shared/xml-text.ts";

/** Bytes read of an error response. S3's have a few hundred; a proxy's web page may have any number. */
const MAX_PROBLEM = 64 * 1024;

/** Reads the whole body. Rejects if it is longer than `limit` bytes, because S3 sends no such response. */
export async function readBody(answer: Pick<HttpAnswer, "body" | "bytes">, limit: number): Promise<Buffer> {
  if (answer.bytes !== undefined && answer.bytes.length <= limit) return answer.bytes;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw new Error(`the answer is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkError(error);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

/** The error of a response with a status of 300 or more. Never rejects: without a readable body the status counts. */
export async function problemOf(answer: HttpAnswer): Promise<Error> {
  const text = await readBody(answer, MAX_PROBLEM).then(
    (bytes) => bytes.toString(),
    () => "",
  );
  return problem(text.includes("<Error") ? text : "", answer);
}

/** The error of an XML `<Error>` document. */
export function problem(xml: string, { status, headers }: Pick<HttpAnswer, "status" | "headers">): Error {
  const requestId = headers["x-amz-request-id"];
  const region = elementOf(xml, "Region");
  const serverTime = elementOf(xml, "ServerTime");
  return Object.assign(
    new Error(elementOf(xml, "Message") ?? ""),
    {
      name: elementOf(xml, "Code")?.trim() || "Error",
      $metadata: { httpStatusCode: status, ...(requestId && { requestId }) },
    },
    { $response: { statusCode: status, headers: pick(headers, "x-amz-bucket-region", "date", "retry-after") } },
    region !== undefined && { Region: region },
    serverTime !== undefined && { ServerTime: serverTime },
  );
}

function pick(headers: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

/** The text of the first element of this name that holds nothing but text. */
export function elementOf(xml: string, name: string): string | undefined {
  const match = new RegExp(`<(?:[\\w.-]+:)?${name}(?:\\s[^>]*)?>([^<]*)</`).exec(xml);
  return match === null ? undefined : unescapeXml(match[1]!);
}

/** Yields the content of each element of this name, except those nested in another of the same name. */
export function* elementsOf(xml: string, name: string): Generator<string> {
  const pattern = new RegExp(`<((?:[\\w.-]+:)?${name})(?:\\s[^>]*)?>(.*?)</\\1\\s*>`, "gs");
  for (const match of xml.matchAll(pattern)) yield match[2]!;
}
