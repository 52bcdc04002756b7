import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { S3 } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { parseKey } from "../../../src/stores/key.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { scanListing, type ListingPage } from "../../../src/stores/s3/list-scan.ts";
import { s3ServerKind, startS3, type S3Server } from "../../support/s3-server.ts";
import { putBytes } from "../contract/put.ts";
import { randomly } from "../../support/effort.ts";

interface Row {
  key: string;
  size: number;
  tag: string;
  modified: string;
}

/** The ways to write the same page. */
interface Manner {
  namespace: boolean;
  prefix: string;
  blank: string;
  entities: "names" | "numbers" | "cdata";
  extras: boolean;
  contentsFirst: boolean;
}

const plain: Manner = {
  namespace: true,
  prefix: "",
  blank: "",
  entities: "names",
  extras: false,
  contentsFirst: false,
};

function write(rows: readonly Row[], token: string | undefined, manner: Manner): string {
  const { prefix, blank, extras } = manner;
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
  const escaped = (text: string) => {
    if (manner.entities === "cdata" && /[&<]/.test(text)) return `<![CDATA[${text}]]>`;
    return text.replace(/[&<>"']/g, (one) =>
      manner.entities === "names" ? names[one]! : `&#${one === "&" ? "x26" : one.charCodeAt(0)};`,
    );
  };
  const element = (name: string, content: string) => `${blank}<${prefix}${name}>${content}</${prefix}${name}>`;
  const contents = rows.map(({ key, size, tag, modified }) => {
    const owner = extras ? element("Owner", element("ID", "7") + element("DisplayName", "Key")) : "";
    const type = extras ? element("StorageClass", "STANDARD") + `${blank}<${prefix}ChecksumAlgorithm/>` : "";
    const wanted = [element("LastModified", modified), element("ETag", escaped(tag)), element("Size", String(size))];
    return element("Contents", element("Key", escaped(key)) + owner + wanted.join("") + type + blank);
  });
  const head = [
    element("Name", "bucket"),
    element("KeyCount", String(rows.length)),
    extras ? `${blank}<${prefix}Unknown a="1" b='>'  />` : "",
    element("IsTruncated", String(token !== undefined)),
    token === undefined ? "" : element("NextContinuationToken", escaped(token)),
    extras ? element("CommonPrefixes", element("Prefix", "Size")) : "",
    element("EncodingType", "url"),
  ];
  const inside = (manner.contentsFirst ? [...contents, ...head] : [...head, ...contents]).join("");
  const space = manner.namespace
    ? ` xmlns${prefix === "" ? "" : `:${prefix.slice(0, -1)}`}="http://s3.amazonaws.com/doc/2006-03-01/"`
    : "";
  const opening = extras ? `<?xml version="1.0" encoding="UTF-8"?>\n<!-- a > b -->` : "";
  return `${opening}<${prefix}ListBucketResult${space}>${inside}${blank}</${prefix}ListBucketResult>${blank}`;
}

const scanned = (xml: string): ListingPage => {
  const page = scanListing(Buffer.from(xml));
  assert.ok(page !== undefined && page !== "cut", xml);
  return page;
};

const rowsOf = (page: ListingPage) =>
  page.contents.map(({ key, size, etag, modified }) => [key, size, etag, modified?.getTime()]);

/** The rows that the SDK reads from the same response. */
async function parsedBySdk(xml: string): Promise<unknown[]> {
  const handler = {
    handle: async () => ({ response: { statusCode: 200, headers: {}, body: Readable.from([Buffer.from(xml)]) } }),
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
  const client = new S3({
    region: "us-east-1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    requestHandler: handler,
  });
  const page = await client.listObjectsV2({ Bucket: "bucket" });
  const rows = (page.Contents ?? []).map(({ Key, Size, ETag, LastModified }) => [
    Key,
    Size,
    ETag,
    LastModified?.getTime(),
  ]);
  return [page.IsTruncated, page.NextContinuationToken, page.KeyCount, page.EncodingType, rows];
}

const text = fc
  .string({ unit: fc.constantFrom(..."ab/.&<>\"'+% é~\uff5e".split(""), "😀"), minLength: 1, maxLength: 12 })
  .filter((each) => each.trim() === each);
const row = fc.record({
  key: text,
  size: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  tag: fc.constantFrom('"9dd4e461268c8034f5c8564e155c67a6"', '"9dd4e461268c8034f5c8564e155c67a6-12"', "plain"),
  modified: fc.integer({ min: 0, max: 4_000_000_000_000 }).map((time) => new Date(time).toISOString()),
});
const manner = fc.record({
  namespace: fc.boolean(),
  prefix: fc.constantFrom("", "s3:"),
  blank: fc.constantFrom("", "\n  ", "\r\n\t"),
  entities: fc.constantFrom("names" as const, "numbers" as const, "cdata" as const),
  extras: fc.boolean(),
  contentsFirst: fc.boolean(),
});

describe("a page, however it is written", () => {
  test("gives the rows that were written", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), fc.option(text, { nil: undefined }), manner, (rows, token, how) => {
        const page = scanned(write(rows, token, { ...how, namespace: how.namespace || how.prefix !== "" }));
        assert.deepEqual(
          rowsOf(page),
          rows.map(({ key, size, tag, modified }) => [key, size, tag, Date.parse(modified)]),
        );
        assert.deepEqual(
          [page.truncated, page.token, page.keyCount, page.encoding],
          [token !== undefined, token, rows.length, "url"],
        );
      }),
      randomly(500),
    );
  });

  test("gives the same rows as the SDK", async () => {
    const known = manner.map((how) => ({ ...how, prefix: "" }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        fc.option(text, { nil: undefined }),
        known,
        async (rows, token, how) => {
          const xml = write(rows, token, how);
          const page = scanned(xml);
          const ours = [page.truncated, page.token, page.keyCount, page.encoding, rowsOf(page)];
          assert.deepEqual(ours, await parsedBySdk(xml));
        },
      ),
      randomly(150),
    );
  });

  test("a truncated page is not a page", () => {
    const rows = [{ key: "a&b", size: 1, tag: '"t"', modified: "2024-01-01T00:00:00.000Z" }];
    for (const how of [plain, { ...plain, extras: true, prefix: "s3:", entities: "cdata" as const, blank: "\n" }]) {
      const xml = write(rows, "token", how).trimEnd();
      for (let length = 1; length < xml.length; length++) {
        const page = scanListing(Buffer.from(xml.slice(0, length)));
        assert.ok(page === "cut" || (page === undefined && length < 40), `${length}: ${JSON.stringify(page)}`);
      }
      assert.equal(scanned(xml).contents.length, 1);
    }
  });

  test("the strings of a page do not keep the page in memory", () => {
    const rows = Array.from({ length: 1000 }, (_, i) => ({
      key: `a-key-that-is-long-enough-to-be-a-slice/${i}`,
      size: 1,
      tag: '"9dd4e461268c8034f5c8564e155c67a6"',
      modified: "2024-01-01T00:00:00.000Z",
    }));
    const bytes = Buffer.from(write(rows, undefined, { ...plain, blank: " ".repeat(100) }));
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const kept: (string | undefined)[] = [];
    collect();
    const used = process.memoryUsage().heapUsed;
    for (let i = 0; i < 40; i++) kept.push((scanListing(bytes) as ListingPage).contents[500]!.key);
    collect();
    const grown = process.memoryUsage().heapUsed - used;
    assert.ok(grown < 10 * bytes.length, `${grown} bytes kept for ${kept.length} keys of pages of ${bytes.length}`);
  });
});

describe("what is not a listing", () => {
  for (const [name, xml] of Object.entries({
    nothing: "",
    blanks: "  \n",
    text: "hello",
    "a web page": "<!DOCTYPE html><html><body>Hello</body></html>",
    "a web page without a DOCTYPE": "<html><body><ListBucketResult></ListBucketResult></body></html>",
    "an error": "<?xml version='1.0'?><Error><Code>InternalError</Code></Error>",
    "another listing": "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>",
    "tags that cross": "<ListBucketResult><Contents><Key>a</Contents></Key></ListBucketResult>",
    "two documents": "<ListBucketResult></ListBucketResult><ListBucketResult></ListBucketResult>",
    "a DOCTYPE": '<!DOCTYPE x [<!ENTITY e "v">]><ListBucketResult></ListBucketResult>',
  })) {
    test(name, () => assert.equal(scanListing(Buffer.from(xml)), undefined));
  }

  test("a page without IsTruncated has no `truncated`", () => {
    assert.equal(scanned("<ListBucketResult/>").truncated, undefined);
    assert.equal(scanned("<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>").truncated, undefined);
    assert.equal(scanned("<ListBucketResult><IsTruncated> true\n</IsTruncated></ListBucketResult>").truncated, true);
  });
});

describe(`listing on ${s3ServerKind()}`, () => {
  let server: S3Server;
  before(async () => {
    server = await startS3();
  });
  after(() => server.stop());

  test("unusual keys are listed as the SDK lists them", async () => {
    const bucket = `feedctl-scan-${process.pid}`;
    await server.createBucket(bucket);
    const { endpoint, region, accessKey, secretKey } = server;
    await using store = await openS3Store({
      type: "s3",
      bucket,
      endpoint,
      region,
      accessKey,
      secretKey,
      pathStyle: true,
    });
    const odd = ["a b", "a+b", "a%41", "a&amp;b", "<a>", "a'b\"c", "é", "e\u0301", "\uff5e", "😀", "x/y=z?q#f", "]]>"];
    for (const [index, name] of odd.entries())
      await putBytes(store, parseKey(`odd ${index}/${name}`), Buffer.alloc(index));
    const listed: unknown[] = [];
    for await (const { key, size, tag, modified } of store.list("")) listed.push([key, size, `"${tag}"`, modified]);
    const { Contents = [] } = await server.client.listObjectsV2({ Bucket: bucket });
    assert.equal(listed.length, odd.length);
    const theirs = Contents.map(({ Key, Size, ETag, LastModified }) => [Key, Size, ETag, LastModified]);
    assert.deepEqual(new Set(listed.map(String)), new Set(theirs.map(String)));
  });
});
