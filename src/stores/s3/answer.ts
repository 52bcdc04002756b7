// S3's short XML answers, and answers that are errors, in the shape that the SDK gives them and s3-errors.ts reads.
import type { Readable } from "node:stream";
import { networkError, type HttpAnswer } from "../shared/http.ts";
import { unescapeXml } from "../shared/xml-text.ts";

/** An error document is a few hundred bytes; a proxy's web page may be anything. */
const MAX_PROBLEM = 64 * 1024;

/** The whole body. Longer than `limit`: an error, as that is no answer of S3's. */
export async function readBody(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw new Error(`the answer is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkError(error);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

/** The error that an answer with a status of 300 or more stands for. Never rejects: a status needs no body. */
export async function problemOf(answer: HttpAnswer): Promise<Error> {
  const text = await readBody(answer.body, MAX_PROBLEM).then(
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

/** The content of each element of this name, unless it stands within another of the same name. */
export function* elementsOf(xml: string, name: string): Generator<string> {
  const pattern = new RegExp(`<((?:[\\w.-]+:)?${name})(?:\\s[^>]*)?>(.*?)</\\1\\s*>`, "gs");
  for (const match of xml.matchAll(pattern)) yield match[2]!;
}
