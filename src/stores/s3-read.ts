import { Readable } from "node:stream";
import { FeedctlError } from "../errors.ts";
import { translateS3Error, type S3Attempt, type S3Place } from "./s3-errors.ts";
import { networkError } from "./s3-request.ts";

const READ_AHEAD = 256 * 1024;

/** The body, with an error where it ends early: a connection that is cut must not look like the end of the blob. */
export function wholeBody(body: Readable, length: number | undefined, place: S3Place, attempt: S3Attempt): Readable {
  let received = 0;
  const stream = new Readable({
    highWaterMark: READ_AHEAD,
    read() {
      body.resume();
    },
    // However the reading ends, even before it began, the connection must not stay open.
    destroy(error, callback) {
      body.destroy();
      callback(error);
    },
  });
  body.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (!stream.push(chunk)) body.pause();
  });
  body.once("end", () => {
    if (length === undefined || received === length) return void stream.push(null);
    const why = `the connection to ${place.host} ended after ${received} of ${length} bytes`;
    stream.destroy(new FeedctlError("unavailable", `cannot ${attempt.action} ${place.name}: ${why}`));
  });
  body.once("error", (error) => {
    // After the end there is nothing left to fail, and after `destroy` nobody to be told.
    if (!stream.destroyed) stream.destroy(translateS3Error(networkError(error), place, attempt));
  });
  body.once("close", () => {
    if (stream.destroyed || body.readableEnded) return;
    stream.destroy(translateS3Error(new Error("the connection was closed"), place, attempt));
  });
  // Listening has set the body flowing; nothing is to be read before somebody reads.
  body.pause();
  return stream;
}
