// Checks the table of missing abilities against the server.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { S3 } from "@aws-sdk/client-s3";
import { s3Cannot, type S3Ability } from "./s3-abilities.ts";
import { s3ServerKind, startS3, type S3Server } from "./s3-server.ts";

let server: S3Server;
before(async () => void (server = await startS3()));
after(() => server.stop());

/** The error code of the server's response to these credentials; undefined when it accepts them. */
async function refusal(credentials: { secretAccessKey?: string; sessionToken?: string }): Promise<string | undefined> {
  const { endpoint, region, accessKey, secretKey } = server;
  const own = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const client = new S3({ endpoint, region, forcePathStyle: true, credentials: { ...own, ...credentials } });
  return errorOf(client.listBuckets({})).finally(() => client.destroy());
}

const errorOf = (request: Promise<unknown>) =>
  request.then(
    () => undefined,
    (error: Error) => error.name,
  );

const probes: Record<S3Ability, (Bucket: string) => Promise<boolean>> = {
  async "list unfinished uploads"(Bucket) {
    const { UploadId } = await server.client.createMultipartUpload({ Bucket, Key: "large" });
    const { Uploads = [] } = await server.client.listMultipartUploads({ Bucket });
    await server.client.abortMultipartUpload({ Bucket, Key: "large", UploadId });
    return Uploads.length === 1;
  },
  async "replace an uploaded part"(Bucket) {
    const upload = { Bucket, Key: "large" };
    const { UploadId } = await server.client.createMultipartUpload(upload);
    const part = { ...upload, UploadId, PartNumber: 1 };
    for (const Body of ["one", "two"]) await server.client.uploadPart({ ...part, Body });
    // The emulator responds with NoSuchKey.
    const listed = await server.client.listParts({ ...upload, UploadId }).catch(() => undefined);
    await server.client.abortMultipartUpload({ ...upload, UploadId });
    return listed?.Parts?.length === 1;
  },
  async "check credentials"() {
    return (await refusal({ secretAccessKey: "another-secret" })) === "SignatureDoesNotMatch";
  },
  async "name a wrong session token as such"() {
    return (await refusal({ sessionToken: "no-such-token" })) === "InvalidToken";
  },
  async "check checksums"(Bucket) {
    const put = { Bucket, Key: "a", Body: "x", ContentMD5: "AAAAAAAAAAAAAAAAAAAAAA==" };
    return (await errorOf(server.client.putObject(put))) === "BadDigest";
  },
  async "compare the version of a copy's source"(Bucket) {
    await server.client.putObject({ Bucket, Key: "a", Body: "x" });
    const copy = { Bucket, Key: "b", CopySource: `${Bucket}/a`, CopySourceIfMatch: '"another"' };
    return (await errorOf(server.client.copyObject(copy))) === "PreconditionFailed";
  },
  async "keep an object and others below its name"(Bucket) {
    await server.client.putObject({ Bucket, Key: "a/b", Body: "x" });
    return (await errorOf(server.client.putObject({ Bucket, Key: "a", Body: "x" }))) === undefined;
  },
};

const kind = s3ServerKind();
const skip = kind === "given" && "the table has no entry for a server from the environment";
describe(`what ${kind} can do is what the table says`, { skip }, () => {
  for (const [index, [ability, probe]] of Object.entries(probes).entries())
    test(ability, async () => {
      const bucket = `abilities-${process.pid}-${index}`;
      await server.createBucket(bucket);
      const lacking = s3Cannot(ability as S3Ability);
      assert.equal(await probe(bucket), lacking === false, lacking || `${kind} cannot ${ability}, which no entry says`);
    });
});
