import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isFeedctlError } from "../../src/errors.ts";
import { diskLocation, type DiskView } from "../../src/stores/disk/location.ts";
import { locationName, locationOf, overlap } from "../../src/stores/location.ts";
import type { Overlap } from "../../src/stores/location.ts";
import type { Location } from "../../src/lib/location.ts";
import type { AzureConfig } from "../../src/stores/azure/config.ts";
import type { S3Config } from "../../src/stores/s3/config.ts";
import type { StoreConfig } from "../../src/stores/providers.ts";

interface Row {
  name: string;
  a: StoreConfig;
  b: StoreConfig;
  overlap: Overlap | undefined;
}

const opposite = { same: "same", inside: "contains", contains: "inside" } as const;

/** `view` replaces the disk of a disk store. */
function placeOf(config: StoreConfig, view?: DiskView): Location {
  if (config.type !== "disk" || view === undefined) return locationOf(config);
  return { type: "disk", ...diskLocation(config.path, view) };
}

function check(rows: readonly Row[], view?: DiskView): void {
  for (const { name, a, b, overlap: expected } of rows) {
    test(name, () => {
      const [left, right] = [placeOf(a, view), placeOf(b, view)];
      assert.equal(overlap(left, right), expected);
      assert.equal(overlap(right, left), expected && opposite[expected], "the other way round");
      assert.deepEqual(JSON.parse(JSON.stringify(left)), left);
    });
  }
}

const disk = (path: string): StoreConfig => ({ type: "disk", path });
const s3 = (options: Partial<S3Config> = {}): StoreConfig => ({ type: "s3", bucket: "b", ...options });
const azure = (options: Partial<AzureConfig> = {}): StoreConfig => ({ type: "azure", container: "c", ...options });
const account = (connectionString: string) => azure({ connectionString });
const url = (accountUrl: string, targetPath?: string) => azure({ accountUrl, targetPath });

const plain: DiskView = { platform: "linux", realPath: (path) => path, ignoresCase: () => false };

describe("overlap of disk paths", () => {
  check(
    [
      { name: "equal", a: disk("/srv/a"), b: disk("/srv/a"), overlap: "same" },
      { name: "slash at the end", a: disk("/srv/a/"), b: disk("/srv/a"), overlap: "same" },
      { name: "doubled slash", a: disk("/srv//a"), b: disk("/srv/a"), overlap: "same" },
      { name: "dots", a: disk("/srv/./x/../a"), b: disk("/srv/a"), overlap: "same" },
      { name: "nested", a: disk("/srv/a/b"), b: disk("/srv/a"), overlap: "inside" },
      { name: "everything is inside /", a: disk("/"), b: disk("/srv/a"), overlap: "contains" },
      { name: "one name is the beginning of the other", a: disk("/srv/a/b"), b: disk("/srv/a/bc"), overlap: undefined },
      { name: "siblings", a: disk("/srv/a"), b: disk("/srv/b"), overlap: undefined },
      { name: "letter case counts", a: disk("/srv/A"), b: disk("/srv/a"), overlap: undefined },
    ],
    plain,
  );
});

describe("overlap on a disk that ignores letter case", () => {
  check(
    [
      { name: "letter case", a: disk("/srv/A"), b: disk("/SRV/a"), overlap: "same" },
      { name: "composed and decomposed", a: disk("/srv/\u00e9"), b: disk("/srv/e\u0301/x"), overlap: "contains" },
    ],
    { ...plain, ignoresCase: () => true },
  );
});

describe("overlap of Windows paths", () => {
  check(
    [
      { name: "slashes either way", a: disk("C:\\pkg\\F1"), b: disk("c:/pkg/F1/"), overlap: "same" },
      { name: "another drive", a: disk("C:\\pkg"), b: disk("D:\\pkg"), overlap: undefined },
      { name: "long path mark", a: disk("\\\\?\\C:\\pkg\\x"), b: disk("C:\\PKG"), overlap: "inside" },
      { name: "a share", a: disk("\\\\SRV\\share\\x"), b: disk("\\\\srv\\Share"), overlap: "inside" },
      {
        name: "a share, long path mark",
        a: disk("\\\\?\\UNC\\srv\\share\\x"),
        b: disk("\\\\srv\\share\\x"),
        overlap: "same",
      },
      { name: "another share", a: disk("\\\\srv\\one\\x"), b: disk("\\\\srv\\two\\x"), overlap: undefined },
    ],
    { platform: "win32", realPath: (path) => path, ignoresCase: () => true },
  );
});

describe("overlap of S3 stores", () => {
  const at = (endpoint: string, more: Partial<S3Config> = {}) => s3({ endpoint, ...more });
  check([
    { name: "equal", a: s3(), b: s3({ region: "eu-west-1", profile: "x", pathStyle: true }), overlap: "same" },
    { name: "another bucket", a: s3(), b: s3({ bucket: "b2" }), overlap: undefined },
    { name: "AWS by endpoint or by none", a: s3(), b: at("https://s3.eu-west-1.amazonaws.com"), overlap: "same" },
    { name: "AWS by a virtual host", a: s3(), b: at("https://b.s3.amazonaws.com"), overlap: "same" },
    { name: "a host that only looks like AWS", a: s3(), b: at("https://notamazonaws.com"), overlap: undefined },
    { name: "an empty endpoint is none", a: s3(), b: at(""), overlap: "same" },
    {
      name: "host case, slash, default port",
      a: at("https://Minio.Local:443/"),
      b: at("https://minio.local"),
      overlap: "same",
    },
    { name: "http and https", a: at("http://minio.local"), b: at("https://minio.local"), overlap: "same" },
    {
      name: "http and https on one port",
      a: at("http://minio.local:9000"),
      b: at("https://minio.local:9000"),
      overlap: "same",
    },
    { name: "no scheme", a: at("minio.local:9000"), b: at("http://minio.local:9000"), overlap: "same" },
    { name: "dot at the end of the host", a: at("http://minio.local."), b: at("http://minio.local"), overlap: "same" },
    { name: "another port", a: at("http://minio.local:9000"), b: at("http://minio.local:9001"), overlap: undefined },
    { name: "names of this machine", a: at("http://localhost:9000"), b: at("http://127.0.0.1:9000"), overlap: "same" },
    { name: "this machine by IPv6", a: at("http://[::1]:9000"), b: at("http://127.0.0.1:9000"), overlap: "same" },
    {
      name: "path style and virtual host",
      a: at("https://b.minio.local"),
      b: at("https://minio.local", { pathStyle: true }),
      overlap: "same",
    },
    { name: "target path spellings", a: s3({ targetPath: "/x//y/" }), b: s3({ targetPath: "x/y" }), overlap: "same" },
    { name: "root spellings", a: s3({ targetPath: "/" }), b: s3(), overlap: "same" },
    { name: "nested target path", a: s3({ targetPath: "x/y" }), b: s3({ targetPath: "x" }), overlap: "inside" },
    {
      name: "target path that begins alike",
      a: s3({ targetPath: "a/b" }),
      b: s3({ targetPath: "a/bc" }),
      overlap: undefined,
    },
    {
      name: "letter case of a target path counts",
      a: s3({ targetPath: "A" }),
      b: s3({ targetPath: "a" }),
      overlap: undefined,
    },
  ]);
});

describe("overlap of Azure stores", () => {
  const named = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5PT0=;EndpointSuffix=core.windows.net";
  const accountUrl = "https://acc.blob.core.windows.net";
  check([
    { name: "connection string and URL", a: account(named), b: url(accountUrl), overlap: "same" },
    { name: "without a suffix", a: account("AccountName=acc;AccountKey=eA=="), b: url(accountUrl), overlap: "same" },
    {
      name: "keywords in any case",
      a: account("accountname=acc;accountkey=eA=="),
      b: url(accountUrl),
      overlap: "same",
    },
    {
      name: "a blob endpoint and a signature",
      a: account(`BlobEndpoint=${accountUrl}/;SharedAccessSignature=sv=1&sig=x%3D`),
      b: url(accountUrl),
      overlap: "same",
    },
    { name: "host case and slash", a: url("https://ACC.Blob.core.windows.net/"), b: url(accountUrl), overlap: "same" },
    { name: "ProGet's URL that ends in the container", a: url(`${accountUrl}/c`), b: url(accountUrl), overlap: "same" },
    {
      name: "the secondary endpoint",
      a: url("https://acc-secondary.blob.core.windows.net"),
      b: url(accountUrl),
      overlap: "same",
    },
    {
      name: "a private link",
      a: url("https://acc.privatelink.blob.core.windows.net"),
      b: url(accountUrl),
      overlap: "same",
    },
    {
      name: "the other sort of endpoint",
      a: url("https://acc.dfs.core.windows.net"),
      b: url(accountUrl),
      overlap: "same",
    },
    { name: "another account", a: url("https://acc2.blob.core.windows.net"), b: url(accountUrl), overlap: undefined },
    { name: "another cloud", a: url("https://acc.blob.core.chinacloudapi.cn"), b: url(accountUrl), overlap: undefined },
    { name: "another container", a: azure({ accountUrl, container: "d" }), b: url(accountUrl), overlap: undefined },
    {
      name: "the emulator",
      a: account("UseDevelopmentStorage=true"),
      b: account("BlobEndpoint=http://localhost:10000/devstoreaccount1;AccountName=devstoreaccount1;AccountKey=eA=="),
      overlap: "same",
    },
    {
      name: "two accounts of an emulator",
      a: account("UseDevelopmentStorage=true"),
      b: account("BlobEndpoint=http://localhost:10000/other;AccountName=other;AccountKey=eA=="),
      overlap: undefined,
    },
    {
      name: "empty options count as absent",
      a: azure({ accountUrl, connectionString: "" }),
      b: url(accountUrl),
      overlap: "same",
    },
    { name: "nested target path", a: url(accountUrl, "/x/"), b: url(accountUrl), overlap: "inside" },
    {
      name: "target path that begins alike",
      a: url(accountUrl, "a/b"),
      b: url(accountUrl, "a/bc"),
      overlap: undefined,
    },
  ]);
});

test("stores of different types never overlap", () => {
  assert.equal(overlap(placeOf(disk("/b"), plain), locationOf(s3())), undefined);
  assert.equal(overlap(locationOf(azure({ accountUrl: "https://b" })), locationOf(s3())), undefined);
});

test("locationName names a location", () => {
  assert.equal(locationName(placeOf(disk("/srv/x/"), plain)), "/srv/x");
  const windows: DiskView = { platform: "win32", realPath: (path) => path };
  assert.equal(locationName(placeOf(disk("c:/x/y"), windows)), "c:\\x\\y");
  assert.equal(locationName(locationOf(s3({ targetPath: "x" }))), "s3://b/x");
  assert.equal(locationName(locationOf(s3({ endpoint: "http://h:9000/" }))), "s3://b at h:9000");
  const azureName = locationName(locationOf(url("https://acc.blob.core.windows.net/", "x/y")));
  assert.equal(azureName, "azure acc.blob.core.windows.net/c/x/y");
});

test("an invalid location is a usage error that shows no secret", () => {
  const usage = (error: unknown) => isFeedctlError(error, "usage") && !error.message.includes("S3CRET");
  assert.throws(() => locationOf(account("AccountKey=S3CRET")), usage);
  assert.throws(() => locationOf(azure()), usage);
  assert.throws(() => locationOf(s3({ endpoint: "http://S3CRET@:x" })), usage);
});

test("symbolic links are resolved, even if the store itself does not exist yet", async (t) => {
  const root = await realpath(await mkdtemp(join(tmpdir(), "feedctl-location-")));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, "real"));
  await symlink(join(root, "real"), join(root, "link"));
  const real = locationOf(disk(join(root, "real/not/yet")));
  assert.equal(overlap(real, locationOf(disk(join(root, "link/not/yet/")))), "same");
  assert.equal(overlap(real, locationOf(disk(join(root, "link")))), "inside");
  assert.equal(overlap(real, locationOf(disk(join(root, "real/nothing")))), undefined);
});
