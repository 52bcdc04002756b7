// Which parts of an interrupted upload are sent again. The server is real; a proxy before it counts and stops requests.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { partSizeFor, widthsFor } from "../../../src/stores/s3/parts.ts";
import type { S3Config } from "../../../src/stores/s3/config.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { s3Cannot, skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { s3Problem, startS3Proxy, type S3Proxy } from "../../support/s3-proxy.ts";
import { s3ServerKind, startS3, type S3Server } from "../../support/s3-server.ts";
import { hasCode, MIB, putBytes } from "../contract/put.ts";
import { breakPut, memoryNotes } from "../contract/resume.ts";
import { sweepUnfinished } from "../../../src/stores/unfinished.ts";

const kind = s3ServerKind();
const key = parseKey;
const bytes = someBytes(40 * MIB + 3);
const PARTS = 6;
let server: S3Server;
let proxy: S3Proxy;
before(async () => {
  server = await startS3();
  proxy = await startS3Proxy(server.endpoint);
});
after(async () => {
  await proxy.stop();
  await server.stop();
});

let buckets = 0;
async function openBucket() {
  const bucket = `feedctl-resume-${process.pid}-${++buckets}`;
  await server.createBucket(bucket);
  proxy.seen.length = 0;
  proxy.intercept = undefined;
  const { region, accessKey, secretKey } = server;
  const config: S3Config = {
    type: "s3",
    bucket,
    endpoint: proxy.endpoint,
    region,
    accessKey,
    secretKey,
    pathStyle: true,
    targetPath: "top",
  };
  const uploads = async () => (await server.client.listMultipartUploads({ Bucket: bucket })).Uploads ?? [];
  return { config, bucket, uploads, store: await openS3Store(config), notes: memoryNotes() };
}

/** The numbers of the parts sent since the last call. A part that was sent twice is listed twice. */
function partsSent(): number[] {
  const sent = proxy.seen.flatMap(({ method, url, status }) => {
    const part = /[?&]partNumber=(\d+)/.exec(url)?.[1];
    return method === "PUT" && part !== undefined && status === 200 ? [Number(part)] : [];
  });
  proxy.seen.length = 0;
  return sent.sort((a, b) => a - b);
}

const isPart = (number: number) => (url: string) => url.includes(`partNumber=${number}&`);
const isCompletion = ({ method, url }: { method: string; url: string }) => method === "POST" && /uploadId=/.test(url);
const all = Array.from({ length: PARTS }, (_, i) => i + 1);

describe(`s3 on ${kind}: an interrupted upload`, { skip: s3Cannot("list unfinished uploads") }, () => {
  test("is kept with a note, and only the missing parts are sent", async (t) => {
    const { store, notes, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    proxy.intercept = ({ url }) => (isPart(4)(url) ? s3Problem(403, "AccessDenied") : undefined);
    await assert.rejects(putBytes(store, key("x"), bytes, { notes }), hasCode("denied"));
    const first = partsSent();
    assert.ok(first.includes(1) && !first.includes(4), String(first));
    assert.equal((await uploads()).length, 1);
    const note = JSON.parse(notes.kept.get(key("x"))!) as Record<string, unknown>;
    assert.equal(note["uploadId"], (await uploads())[0]?.UploadId);
    assert.equal(note["partSize"], 8 * MIB);
    proxy.intercept = undefined;
    assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
    assert.deepEqual(
      partsSent(),
      all.filter((part) => !first.includes(part)),
    );
    assert.deepEqual(await uploads(), []);
    assert.ok((await readAll(await store.get(key("x")))).equals(bytes));
    const blob = await store.head(key("x"));
    assert.equal(blob?.sha256, sha256(bytes));
  });

  test("without notes leaves nothing", async (t) => {
    const { store, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    await breakPut(store, key("x"), bytes, { at: 30 * MIB });
    assert.deepEqual(await uploads(), []);
  });

  test("whose process died between the last part and the completion sends no part again", async (t) => {
    const { store, config, notes, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `
      import { openS3Store } from ${url("../../../src/stores/s3/store.ts")};
      import { someBytes, sha256, sourceOf } from ${url("../../support/bytes.ts")};
      const bytes = someBytes(${bytes.length});
      const notes = {
        load: async () => undefined,
        save: async (key, note) => void process.stdout.write(note + "\\n"),
        drop: async () => {},
      };
      const store = await openS3Store(${JSON.stringify(config)});
      await store.put("x", sourceOf(bytes), { ifExists: "fail", sha256: sha256(bytes), notes });
    `;
    const reached = new Promise<void>((resolve) => {
      proxy.intercept = (request) => (isCompletion(request) ? () => resolve() : undefined);
    });
    const cwd = fileURLToPath(new URL("../../..", import.meta.url));
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "close");
    await Promise.race([reached, ended.then(() => assert.fail("the child ended before it was killed"))]);
    child.kill("SIGKILL");
    await ended;
    assert.deepEqual(partsSent(), all);
    assert.equal(await store.head(key("x")), undefined);
    proxy.intercept = undefined;
    notes.kept.set(key("x"), said.trim());
    assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
    assert.deepEqual(partsSent(), []);
    assert.ok((await readAll(await store.get(key("x")))).equals(bytes));
    assert.deepEqual([notes.kept.size, await uploads()], [0, []]);
  });

  test("of other bytes or another description is aborted, and all parts are sent", async (t) => {
    const { store, notes, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    for (const [name, other, more] of [
      ["bytes", someBytes(bytes.length, 2), {}],
      ["type", bytes, { contentType: "text/plain" }],
      ["metadata", bytes, { metadata: { a: "b" } }],
    ] as const) {
      await breakPut(store, key(name), bytes, { notes, at: 30 * MIB });
      partsSent();
      assert.equal(await putBytes(store, key(name), other, { notes, ...more }), "created");
      assert.deepEqual(partsSent(), all, name);
      assert.deepEqual([notes.kept.size, await uploads()], [0, []]);
      assert.ok((await readAll(await store.get(key(name)))).equals(other));
    }
  });

  test("with a wrong part sends that part again", async (t) => {
    if (skipIfS3Cannot(t, "replace an uploaded part")) return;
    const { store, bucket, notes } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    proxy.intercept = (request) => (isCompletion(request) ? s3Problem(403, "AccessDenied") : undefined);
    await assert.rejects(putBytes(store, key("x"), bytes, { notes }), hasCode("denied"));
    partsSent();
    proxy.intercept = undefined;
    const { uploadId } = JSON.parse(notes.kept.get(key("x"))!) as { uploadId: string };
    const part = { Bucket: bucket, Key: "top/x", UploadId: uploadId };
    await server.client.uploadPart({ ...part, PartNumber: 2, Body: someBytes(8 * MIB, 9) });
    await server.client.uploadPart({ ...part, PartNumber: 3, Body: someBytes(7 * MIB, 9) });
    await server.client.uploadPart({ ...part, PartNumber: PARTS + 1, Body: someBytes(100, 9) });
    assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
    assert.deepEqual(partsSent(), [2, 3]);
    assert.ok((await readAll(await store.get(key("x")))).equals(bytes));
  });

  test("that was swept meanwhile starts again", async (t) => {
    const { store, notes, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    assert.equal(await sweepUnfinished(store, new Date(Date.now() + 3_600_000)), 1);
    partsSent();
    assert.equal(await putBytes(store, key("x"), bytes, { notes }), "created");
    assert.deepEqual([partsSent(), notes.kept.size, await uploads()], [all, 0, []]);
  });

  test("whose bytes were wrong, or whose blob was created meanwhile, leaves nothing", async (t) => {
    const { store, notes, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    const promised = { sha256: sha256(Buffer.from("other")), notes };
    await assert.rejects(putBytes(store, key("x"), bytes, promised), hasCode("corrupt"));
    assert.deepEqual([notes.kept.size, await uploads()], [0, []]);
    await breakPut(store, key("x"), bytes, { notes, at: 30 * MIB });
    await putBytes(store, key("x"), Buffer.from("small"));
    await assert.rejects(putBytes(store, key("x"), bytes, { notes }), hasCode("conflict"));
    assert.deepEqual([notes.kept.size, await uploads()], [0, []]);
  });

  test("is not resumed if the server refuses its completion permanently", async (t) => {
    const { store, notes, uploads } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    proxy.intercept = (request) => (isCompletion(request) ? s3Problem(400, "InvalidPart") : undefined);
    await assert.rejects(putBytes(store, key("x"), bytes, { notes }));
    assert.deepEqual([notes.kept.size, await uploads()], [0, []]);
  });
});

describe(`s3 on ${kind}: a parallel source`, () => {
  test("is read in several ranges at once, each once, and never more than fit into the buffers", async (t) => {
    const { store } = await openBucket();
    t.after(() => store[Symbol.asyncDispose]());
    const whole = someBytes(40 * MIB + 1);
    const source = sourceOf(whole);
    const ranges: (number | undefined)[] = [];
    let [open, most] = [0, 0];
    const parallel = {
      size: source.size,
      parallel: true,
      open: async (...[range, signal]: Parameters<typeof source.open>) => {
        ranges.push(range?.start);
        most = Math.max(most, ++open);
        const stream = await source.open(range, signal);
        return stream.once("close", () => open--);
      },
    };
    await store.put(key("x"), parallel, { ifExists: "fail", sha256: sha256(whole) });
    assert.deepEqual(
      ranges,
      Array.from({ length: 6 }, (_, i) => i * 8 * MIB),
    );
    assert.ok(most > 1 && most <= 4, `${most} ranges were open at once`);
    assert.ok((await readAll(await store.get(key("x")))).equals(whole));
    await source.settled();
  });

  test("the buffers of all parts together stay within 512 MiB, as long as one part does", () => {
    for (const size of [9 * MIB, 100_000 * MIB, 1024 * 1024 * MIB, 2 * 1024 * 1024 * MIB, 5 * 1024 * 1024 * MIB]) {
      const partSize = partSizeFor(size);
      const { sent, read } = widthsFor(partSize);
      assert.ok(sent >= 1 && sent <= 4 && read >= 0 && read <= 4);
      assert.ok((sent + read) * partSize <= 512 * MIB || (sent === 1 && read === 0), `${size} bytes`);
    }
    assert.deepEqual(widthsFor(8 * MIB), { sent: 4, read: 4 });
  });
});
