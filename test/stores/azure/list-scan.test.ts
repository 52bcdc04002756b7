import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { AnonymousCredential, ContainerClient, ContainerSASPermissions, newPipeline } from "@azure/storage-blob";
import type { ContainerListBlobFlatSegmentResponse } from "@azure/storage-blob";
import fc from "fast-check";
import { scanListing } from "../../../src/stores/azure/list-scan.ts";
import type { ListedBlob, ListingPage } from "../../../src/stores/azure/list-scan.ts";
import { openAzureStore } from "../../../src/stores/azure/store.ts";
import { startAzurite } from "../../support/azurite.ts";
import { concurrently } from "../../support/bytes.ts";
import { createRandom, mutate } from "../../support/fuzz.ts";
import { blobsOf, hasCode } from "../contract/put.ts";
import { randomly } from "../../support/effort.ts";

interface Manner {
  /** Blanks between elements. */
  blank: string;
  entities: "names" | "numbers" | "cdata";
  /** An XML declaration with a byte order mark, comments, and unknown elements and attributes. */
  extras: boolean;
}

const plain: Manner = { blank: "", entities: "names", extras: false };
const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

function escape(text: string, { entities }: Manner): string {
  if (entities === "cdata" && text !== "" && !text.includes("]]>")) return `<![CDATA[${text}]]>`;
  return text.replace(/[&<>"']/g, (one) =>
    entities === "numbers" ? `&#x${one.charCodeAt(0).toString(16)};` : names[one]!,
  );
}

/** Writes a page as Azure does. */
function write(rows: readonly ListedBlob[], next: string, manner: Manner): string {
  const { blank, extras } = manner;
  const element = (name: string, text: string | undefined, attributes = "") =>
    text === undefined
      ? ""
      : text === ""
        ? `<${name}${attributes} />${blank}`
        : `<${name}${attributes}>${escape(text, manner)}</${name}>${blank}`;
  const blobs = rows.map((row) => {
    const metadata = Object.entries(row.metadata ?? {}).map(([name, value]) => element(name, value));
    // XML does not allow U+FFFE and U+FFFF: Azure encodes such names and marks them.
    const encoded = /[\ufffe\uffff]/.test(row.name!);
    const properties = [
      element("Creation-Time", extras ? row.lastModified : undefined),
      element("Last-Modified", row.lastModified),
      element("Etag", row.etag),
      element("Content-Length", String(row.size)),
      element("Content-Type", row.contentType ?? ""),
      element("Content-MD5", row.md5 ?? ""),
      element("Cache-Control", row.cacheControl ?? ""),
      element("Content-Encoding", row.contentEncoding ?? ""),
      element("Content-Disposition", row.contentDisposition ?? ""),
      element("Content-Language", row.contentLanguage ?? ""),
      "<BlobType>BlockBlob</BlobType>",
    ];
    return [
      `<Blob>${blank}`,
      extras ? "<!-- <Name>no</Name> --><Deleted>false</Deleted><OrMetadata><Name>no</Name></OrMetadata>" : "",
      encoded ? element("Name", encodeURIComponent(row.name!), ' Encoded="true"') : element("Name", row.name),
      `<Properties>${blank}${properties.join("")}</Properties>${blank}`,
      metadata.length > 0 ? `<Metadata>${blank}${metadata.join("")}</Metadata>` : extras ? "<Metadata />" : "",
      extras ? "<Tags><TagSet><Tag><Key>Name</Key><Value>no</Value></Tag></TagSet></Tags>" : "",
      `</Blob>${blank}`,
    ].join("");
  });
  return [
    extras ? '\ufeff<?xml version="1.0" encoding="utf-8"?>' : "",
    `<EnumerationResults${extras ? ' ServiceEndpoint="https://x.example/?a>b" ContainerName="c"' : ""}>${blank}`,
    extras ? "<Prefix>a/</Prefix><MaxResults>5000</MaxResults>" : "",
    `<Blobs>${blank}`,
    extras ? "<BlobPrefix><Name>a/b/</Name><Properties><Etag>no</Etag></Properties></BlobPrefix>" : "",
    ...blobs,
    `</Blobs>${blank}`,
    element("NextMarker", next),
    `</EnumerationResults>`,
  ].join("");
}

function scanned(xml: string): ListingPage {
  const page = scanListing(Buffer.from(xml));
  assert.ok(page !== undefined && page !== "cut", xml);
  return page;
}

// XML parsers change carriage returns, and XML does not allow other control characters.
const characters = fc.constantFrom(...Array.from("ab/ .&<>\"'%+=?#é\u0301\u00a0雪😀\uff5e\u2028]-_0"));
const text = fc.string({ unit: characters, minLength: 1, maxLength: 12 });
const edge = /^\s|\s$/;
const solid = text.filter((one) => !edge.test(one));
const row: fc.Arbitrary<ListedBlob> = fc.record({
  name: fc.oneof(
    solid,
    solid.map((one) => `${one}\ufffe%41`),
  ),
  size: fc.nat({ max: 5e12 }),
  lastModified: fc.constantFrom("Mon, 01 Jan 2024 00:00:00 GMT", "Thu, 29 Feb 2024 23:59:59 GMT"),
  etag: fc.constantFrom("0x8DC0A0A0A0A0A0A", "0x1"),
  md5: fc.option(fc.constant("nddkYSaMgDT1yFZOFVxnpg=="), { nil: undefined }),
  contentType: fc.option(fc.constantFrom("text/plain; charset=utf-8", 'a/b; c="<&>"'), { nil: undefined }),
  cacheControl: fc.option(fc.constant("no-cache"), { nil: undefined }),
  contentEncoding: fc.option(fc.constant("gzip"), { nil: undefined }),
  contentDisposition: fc.option(fc.constant('attachment; filename="<&>"'), { nil: undefined }),
  contentLanguage: fc.option(fc.constant("de, en"), { nil: undefined }),
  metadata: fc.option(
    fc.dictionary(fc.constantFrom("sha256", "Mixed_Case", "_1", "Name", "Blob", "Etag"), solid, { minKeys: 1 }),
    { nil: undefined, depthIdentifier: "metadata" },
  ),
});
const manner: fc.Arbitrary<Manner> = fc.record({
  blank: fc.constantFrom("", "\n  ", "\r\n"),
  entities: fc.constantFrom("names" as const, "numbers" as const, "cdata" as const),
  extras: fc.boolean(),
});
const marker = fc.oneof(fc.constant(""), solid);

/** A row whose objects have no prototype, so that deepEqual only compares their members. */
const bare = (rows: readonly ListedBlob[]) => JSON.parse(JSON.stringify(rows)) as unknown;

async function serve(t: TestContext, answer: (url: string) => string | Promise<string>): Promise<string> {
  const server = createServer(async (request, response) => {
    request.resume();
    const xml = await answer(request.url ?? "");
    response.writeHead(200, { "content-type": "application/xml" }).end(xml);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`;
}

function openServed(endpoint: string) {
  const connectionString = `BlobEndpoint=${endpoint};SharedAccessSignature=sv=2024-11-04&sig=AAAA`;
  return openAzureStore({ type: "azure", container: "packages", connectionString });
}

describe("a page, however it is written", () => {
  test("gives the rows that were written", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), marker, manner, (rows, next, how) => {
        const page = scanned(write(rows, next, how));
        assert.deepEqual(bare(page.blobs), bare(rows));
        assert.equal(page.next, next);
      }),
      randomly(500),
    );
  });

  test("gives the same rows as the SDK", async (t) => {
    let xml = "";
    const endpoint = await serve(t, () => xml);
    const client = new ContainerClient(`${endpoint}/packages`, newPipeline(new AnonymousCredential()));
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), marker, manner, async (rows, next, how) => {
        // The SDK reads blanks between elements as metadata, and handles neither CDATA nor numeric entities.
        xml = write(rows, next, { ...how, blank: "", entities: "names" });
        const pages = client.listBlobsFlat({ includeMetadata: true }).byPage();
        const { value } = (await pages.next()) as { value: ContainerListBlobFlatSegmentResponse };
        const page = scanned(xml);
        const theirs = value.segment.blobItems.map(({ name, properties, metadata }) => ({
          name,
          size: properties.contentLength,
          lastModified: properties.lastModified.toUTCString(),
          etag: properties.etag,
          md5: Buffer.from(properties.contentMD5 ?? []).toString("base64") || undefined,
          contentType: properties.contentType || undefined,
          cacheControl: properties.cacheControl || undefined,
          contentEncoding: properties.contentEncoding || undefined,
          contentDisposition: properties.contentDisposition || undefined,
          contentLanguage: properties.contentLanguage || undefined,
          metadata: Object.keys(metadata ?? {}).length === 0 ? undefined : metadata,
        }));
        assert.deepEqual(bare(page.blobs), bare(theirs));
        assert.equal(page.next, value.continuationToken ?? "");
      }),
      randomly(150),
    );
  });

  test("a truncated page is not a page", () => {
    const rows = fc.sample(row, { numRuns: 2, seed: 7 });
    for (const how of [plain, { ...plain, extras: true, entities: "cdata" as const, blank: "\n" }]) {
      const xml = Buffer.from(write(rows, "next", how));
      for (let length = 0; length < xml.length; length++) {
        const page = scanListing(xml.subarray(0, length));
        assert.ok(page === "cut" || (page === undefined && length < 20), `${length}: ${JSON.stringify(page)}`);
      }
      assert.equal((scanListing(xml) as ListingPage).blobs.length, 2);
    }
  });

  test("a damaged page never hangs or throws, and has no more blobs", () => {
    const random = createRandom(20240801);
    const rows = fc.sample(row, { numRuns: 5, seed: 3 });
    const xml = Buffer.from(write(rows, "next", { ...plain, extras: true }));
    let whole = 0;
    for (let i = 0; i < 5_000; i++) {
      const page = scanListing(mutate(xml, random));
      if (page === "cut" || page === undefined) continue;
      whole++;
      // Doubling up to 64 bytes cannot add a blob.
      const usable = page.blobs.filter(({ name, size }) => name !== undefined && size !== undefined);
      assert.ok(usable.length <= rows.length);
    }
    assert.ok(whole > 200, `${whole} of the damaged pages were still pages`);
  });

  test("only the values stay in memory, not the page", () => {
    const rows = Array.from({ length: 1000 }, (_, i) => ({
      ...fc.sample(row, { numRuns: 1, seed: i })[0]!,
      name: `a-name-that-is-long-enough-to-be-a-slice/${i}`,
    }));
    const bytes = Buffer.from(write(rows, "", { ...plain, blank: " ".repeat(50) }));
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const kept: (string | undefined)[] = [];
    collect();
    const used = process.memoryUsage().heapUsed;
    for (let i = 0; i < 40; i++) kept.push((scanListing(bytes) as ListingPage).blobs[500]!.name);
    collect();
    const grown = process.memoryUsage().heapUsed - used;
    assert.ok(grown < 10 * bytes.length, `${grown} bytes kept for ${kept.length} names of pages of ${bytes.length}`);
  });
});

describe("what is not a listing", () => {
  for (const [name, xml] of Object.entries({
    nothing: "",
    text: "hello",
    "a web page": "<!DOCTYPE html><html><body>Hello</body></html>",
    "a web page around one": "<html><EnumerationResults><NextMarker /></EnumerationResults></html>",
    "an error": "<?xml version='1.0'?><Error><Code>ServerBusy</Code></Error>",
    "tags that cross": "<EnumerationResults><Blobs><Blob><Name>a</Blob></Name></Blobs></EnumerationResults>",
    "two documents": "<EnumerationResults></EnumerationResults><EnumerationResults></EnumerationResults>",
    "a DOCTYPE": '<!DOCTYPE x [<!ENTITY e "v">]><EnumerationResults></EnumerationResults>',
  })) {
    test(name, () => assert.equal(scanListing(Buffer.from(xml)), undefined));
  }
});

describe("an inconsistent page is corrupt, not shorter", () => {
  const [one] = fc.sample(row, { numRuns: 1, seed: 1 }) as [ListedBlob];
  const named = (name: string): ListedBlob => ({ ...one, name });
  const page = write([named("a"), named("b")], "", plain);
  for (const [name, answer] of Object.entries<(url: string) => string>({
    "it does not say whether more follows": () => page.replace("<NextMarker />", ""),
    "a blob has no size": () => page.replace(/<Content-Length>\d+<\/Content-Length>/, ""),
    "a blob has an impossible size": () => page.replace(/<Content-Length>\d+</, "<Content-Length>-1<"),
    "a blob has no name": () => page.replace("<Name>b</Name>", ""),
    "names come twice": () => page.replace("<Name>b</Name>", "<Name>a</Name>"),
    "the next page begins where it began": () => page.replace("<NextMarker />", "<NextMarker>m</NextMarker>"),
    "it is a web page": () => "<!DOCTYPE html><html></html>",
    "it is empty": () => "",
  })) {
    test(name, async (t) => {
      await using store = await openServed(await serve(t, answer));
      await assert.rejects(blobsOf(store, ""), hasCode("corrupt"));
    });
  }

  test("names do not have the requested prefix", async (t) => {
    await using store = await openServed(await serve(t, () => page));
    await assert.rejects(blobsOf(store, "b"), hasCode("corrupt"));
  });

  test("a truncated page is requested again, and unavailable if it always is truncated", async (t) => {
    let asked = 0;
    let good = 2;
    const endpoint = await serve(t, () => (++asked > good ? page : page.slice(0, -5)));
    await using store = await openServed(endpoint);
    assert.equal((await blobsOf(store, "")).length, 2);
    assert.equal(asked, 3);
    good = Infinity;
    await assert.rejects(blobsOf(store, ""), hasCode("unavailable"));
  });
});

test("unusual names on several pages are listed as the SDK lists them", async (t) => {
  const azurite = await startAzurite({ own: true });
  t.after(() => azurite.stop());
  const client = await azurite.createContainer(`test-${randomUUID()}`);
  // Azurite sorts names beyond U+FFFF differently.
  const random = createRandom(1);
  const alphabet = Array.from("abcXYZ019 -_.~!$&'()*+,;=:@%#?<>\"[]{}|^`éß雪\u0301\u00a0\u2028");
  const oddName = (i: number) =>
    `x${Array.from({ length: 1 + random(8) }, () => alphabet[random(alphabet.length)]).join("")}z/${i}`;
  const all = Array.from({ length: 1_200 }, (_, i) => oddName(i));
  await concurrently(24, all, async (name) => {
    const options = { metadata: { odd: "<&> \"'", N: "" + name.length } };
    await client.getBlockBlobClient(name).upload("", 0, options);
  });
  // Thousands of blobs take minutes where one page has 5,000, so the server is asked for smaller pages.
  let pages = 0;
  const allowed = await client.generateSasUrl({
    permissions: ContainerSASPermissions.parse("l"),
    expiresOn: new Date(Date.now() + 24 * 3600_000),
  });
  const endpoint = await serve(t, async (url) => {
    const real = new URL(allowed);
    for (const [name, value] of new URL(url, allowed).searchParams)
      if (!real.searchParams.has(name)) real.searchParams.set(name, value);
    real.searchParams.set("maxresults", "500");
    pages++;
    return (await fetch(real)).text();
  });
  await using store = await openServed(endpoint);
  const theirs: unknown[] = [];
  for await (const { name, properties, metadata } of client.listBlobsFlat({ includeMetadata: true })) {
    const { contentLength, etag, lastModified, contentType } = properties;
    theirs.push([name, contentLength, etag, lastModified, contentType, metadata?.["odd"], metadata?.["N"]]);
  }
  const ours: unknown[] = [];
  const foreign: string[] = [];
  for await (const blob of store.list("", { onForeign: (name) => foreign.push(name) })) {
    const { key, size, tag, modified, contentType, metadata } = blob;
    ours.push([key, size, tag, modified, contentType, metadata?.["odd"], metadata?.["n"]]);
  }
  assert.equal(theirs.length, new Set(all).size);
  const isForeign = new Set(foreign);
  assert.deepEqual(
    ours,
    theirs.filter((one) => !isForeign.has((one as [string])[0])),
  );
  assert.ok(ours.length > 1_000, `${foreign.length} names are not valid keys`);
  assert.equal(pages, 3);
});
