import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { assetStores, kinds, listed, proven, type AssetStores } from "../../support/asset-stores.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { zipArchive, type ZipMember } from "../../support/fixtures/zip.ts";
import { noShared, samplePath } from "../../support/shared.ts";

let stores: AssetStores;
before(async () => void (stores = await assetStores()));
after(() => stores[Symbol.asyncDispose]());

const summary = (result: { events(): Record<string, unknown>[] }) => result.events().at(-1);
/** Larger than 9 MiB, different everywhere, and compressed ten times as fast as random bytes. */
const large = Buffer.from(Array.from({ length: 160_000 }, (_, i) => `${i} ${"-".repeat(56)}\n`).join(""));
const members: TarMember[] = [
  { name: "./", flag: "5" },
  { name: "./docs/", flag: "5" },
  { name: "./docs/empty/", flag: "5" },
  { name: "./docs/index.html", body: "<p>hi</p>" },
  { name: "./docs/Grüße.txt", body: "hallo" },
  { name: "large.bin", body: large },
  { name: "last", body: "z" },
];
const expanded = ["docs/", "docs/Grüße.txt", "docs/empty/", "docs/index.html", "large.bin", "last"];

onDatabases("archives of asset directories", ["PostgreSQL"], (database) => {
  const test = (
    name: string,
    body: (place: Installation, dir: string) => Promise<void>,
    kind: (typeof kinds)[number] = "s3",
  ) =>
    database.test(name, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      return await body(place, await stores.directory(place, kind));
    });
  const below = async (place: Installation, dir: string, folder: string) =>
    (await listed(place, dir))
      .filter(({ path }) => path.startsWith(`${folder}/`))
      .map(({ path, folder: isFolder }) => path.slice(folder.length + 1) + (isFolder ? "/" : ""));
  const expand = async (place: Installation, code: number, dir: string, file: string, ...more: string[]) => {
    const result = await place.exits(code, "asset", "import-archive", dir, file, "--json", ...more);
    return { ...(code === 2 || result.stdout === "" ? {} : summary(result)), said: result.stdout + result.stderr };
  };

  for (const kind of kinds) {
    test(
      `${kind}: a zip and tars go in, an archive comes out, always the same`,
      async (place, dir) => {
        const tar = tarArchive(members);
        const half = Math.floor(tar.length / 2);
        const frames = [tar.subarray(0, half), tar.subarray(half)].map((part) => zstdCompressSync(part));
        writeFileSync(place.path("a.tgz"), gzipSync(tar));
        writeFileSync(place.path("a.tar.zst"), Buffer.concat(frames));
        for (const [file, to] of [
          ["a.tgz", "gz"],
          ["a.tar.zst", "zst"],
        ] as const) {
          const done = await expand(place, 0, dir, file, "--to", to);
          assert.partialDeepStrictEqual(done, { stored: 4, skipped: 0 });
          assert.deepEqual(await below(place, dir, to), expanded);
        }
        assert.partialDeepStrictEqual(await expand(place, 0, dir, "a.tgz", "--to", "gz"), { stored: 0, skipped: 4 });
        await proven(place, dir);

        await place.run("asset", "export", dir, "gz", "--format", "zip", "--output", "one.zip");
        await place.run("asset", "export", dir, "gz", "--format", "zip", "--output", "two.zip");
        assert.ok(readFileSync(place.path("one.zip")).equals(readFileSync(place.path("two.zip"))));
        assert.partialDeepStrictEqual(await expand(place, 0, dir, "one.zip", "--to", "zip"), { stored: 4 });
        assert.deepEqual(await below(place, dir, "zip"), expanded);
        const hashes = async (folder: string) =>
          (await listed(place, dir)).filter(({ path }) => path.startsWith(`${folder}/`)).map(({ sha256 }) => sha256);
        assert.deepEqual(await hashes("zip"), await hashes("gz"));

        await place.run("asset", "export", dir, "gz", "--format", "tgz", "--output", "out.tgz");
        mkdirSync(place.path("unpacked"));
        execFileSync("tar", ["xzf", place.path("out.tgz"), "-C", place.path("unpacked")]);
        assert.deepEqual(readdirSync(place.path("unpacked")).toSorted(), ["docs", "large.bin", "last"]);
        assert.ok(readFileSync(place.path("unpacked/large.bin")).equals(large));
        assert.deepEqual(readdirSync(place.path("unpacked/docs/empty")), []);
        await proven(place, dir);
      },
      kind,
    );
  }

  test("one hostile entry refuses the whole archive, before anything is written", async (place, dir) => {
    const fine: TarMember = { name: "fine.txt", body: "1" };
    const tars: Record<string, [TarMember[], RegExp]> = {
      climbing: [[{ name: "a/../../b", body: "x" }], /points outside the archive/],
      absolute: [[{ name: "/etc/passwd", body: "x" }], /absolute path/],
      drive: [[{ name: "C:/x", body: "x" }], /drive/],
      relativeDrive: [[{ name: "C:x", body: "x" }], /drive/],
      backslash: [[{ name: "..\\x", body: "x" }], /backslash/],
      symbolic: [[{ name: "l", flag: "2", linkName: "/etc" }], /is a link/],
      hard: [[{ name: "l", flag: "1", linkName: "fine.txt" }], /is a link/],
      device: [[{ name: "d", flag: "3" }], /neither a file nor a folder/],
      windowsDevice: [[{ name: "aux.txt", body: "x" }], /a device name on Windows/],
      droppedEnd: [[{ name: "name. ", body: "x" }], /Windows drops the dot or space at its end/],
      control: [[{ name: "a\u0007b", body: "x" }], /control character/],
      twice: [[{ name: "fine.txt", body: "2" }], /has the same path/],
      disguisedTwice: [[{ name: "./fine.txt", body: "2" }], /has the same path/],
      otherCase: [[{ name: "FINE.TXT", body: "2" }], /only in case or Unicode normalization/],
      otherCaseOfFolder: [
        [
          { name: "Sub/a", body: "1" },
          { name: "sub/b", body: "2" },
        ],
        /only in case or Unicode normalization/,
      ],
      decomposed: [
        [
          { name: "u\u0308", body: "1" },
          { name: "\u00fc", body: "2" },
        ],
        /only in case or Unicode normalization/,
      ],
      fileAsFolder: [[{ name: "fine.txt/inner", body: "2" }], /a folder has the same path/],
      history: [[{ name: "._proget_file_history_/x", body: "2" }], /its name lies in ._proget_file_history_/],
    };
    for (const [name, [more, why]] of Object.entries(tars)) {
      writeFileSync(place.path(`${name}.tgz`), gzipSync(tarArchive([fine, ...more])));
      const { said } = await expand(place, 3, dir, `${name}.tgz`);
      assert.match(said, why, name);
    }
    const zips: Record<string, [string[], RegExp]> = {
      climbing: [["fine.txt", "../x"], /unsafe|leads out/],
      otherCase: [["fine.txt", "Fine.txt"], /only in case or Unicode normalization/],
      conflict: [["a", "a/b"], /same path|conflict/],
    };
    for (const [name, [names, why]] of Object.entries(zips)) {
      writeFileSync(place.path(`${name}.zip`), zipArchive(names.map((each) => ({ name: each, body: each }))));
      assert.match((await expand(place, 3, dir, `${name}.zip`)).said, why, name);
    }
    writeFileSync(place.path("cut.tgz"), gzipSync(tarArchive(members)).subarray(0, 20_000));
    await expand(place, 3, dir, "cut.tgz");
    writeFileSync(place.path("none.txt"), "hello");
    assert.match((await expand(place, 3, dir, "none.txt")).said, /not a zip, tar\.gz, tar\.zst or tar archive/);
    await expand(place, 4, dir, "missing.zip");
    assert.deepEqual(await listed(place, dir), [], "nothing was written");
    await proven(place, dir);
  });

  test("decompression bombs are stopped early", async (place, dir) => {
    const zeros = { name: "zeros", body: Buffer.alloc(40 * 1024 * 1024) };
    writeFileSync(place.path("zeros.tgz"), gzipSync(tarArchive([zeros])));
    assert.match(
      (await expand(place, 3, dir, "zeros.tgz")).said,
      /the archive unpacks to more than 1,000 times its size/,
    );
    writeFileSync(place.path("zeros.zip"), zipArchive([zeros]));
    assert.match(
      (await expand(place, 3, dir, "zeros.zip")).said,
      /the archive unpacks to more than 1,000 times its size/,
    );
    writeFileSync(place.path("a.tgz"), gzipSync(tarArchive(members)));
    assert.match((await expand(place, 3, dir, "a.tgz", "--max-size", "8M")).said, /more than 8388608 bytes/);
    assert.deepEqual(await listed(place, dir), []);
  });

  test(
    "--max-size replaces the check of the compression ratio",
    async (place, dir) => {
      const zeros = { name: "disk.img", body: Buffer.alloc(40 * 1024 * 1024) };
      writeFileSync(place.path("disk.tgz"), gzipSync(tarArchive([zeros])));
      writeFileSync(place.path("disk.zip"), zipArchive([zeros]));
      assert.match((await expand(place, 3, dir, "disk.zip")).said, /"hint":"[^"]*--max-size/);
      for (const file of ["disk.tgz", "disk.zip"]) {
        assert.match((await expand(place, 3, dir, file, "--max-size", "9M")).said, /more than 9437184 bytes/);
        assert.partialDeepStrictEqual(await expand(place, 0, dir, file, "--max-size", "50M", "--to", file), {
          stored: 1,
        });
      }
    },
    "disk",
  );

  test(
    "the times of a tar archive are kept, and names in an unknown encoding are refused",
    async (place, dir) => {
      mkdirSync(place.path("in"));
      writeFileSync(place.path("in/old"), "1");
      writeFileSync(place.path("in/older"), "2");
      utimesSync(place.path("in/old"), 1_600_000_000, 1_600_000_000);
      utimesSync(place.path("in/older"), 1_500_000_000.5, 1_500_000_000.5);
      const modified = async (folder: string) =>
        ((await place.run("asset", "list", dir, folder, "--long", "--json")).json() as { modifiedAt: string }[]).map(
          (file) => file.modifiedAt,
        );
      for (const format of ["ustar", "gnu", "pax"]) {
        execFileSync("tar", ["cf", place.path("in.tar"), `--format=${format}`, "-C", place.path("in"), "."]);
        await expand(place, 0, dir, "in.tar", "--to", format);
        const older = format === "pax" ? "2017-07-14T02:40:00.500Z" : "2017-07-14T02:40:00.000Z";
        assert.deepEqual(await modified(format), ["2020-09-13T12:26:40.000Z", older]);
      }
      const archive = tarArchive([{ name: "caf~.txt", body: "1" }]);
      archive[3] = 0xe9;
      // the checksum of the header, which is a sum of its bytes
      const sum = Number.parseInt(archive.toString("latin1", 148, 154), 8) + 0xe9 - "~".charCodeAt(0);
      archive.write(sum.toString(8).padStart(6, "0"), 148);
      writeFileSync(place.path("latin.tar"), archive);
      assert.match((await expand(place, 3, dir, "latin.tar")).said, /a name in an unknown encoding/);
    },
    "disk",
  );

  test(
    "a zip made on Windows: backslashes separate folders, and names are in code page 437 or the given encoding",
    async (place, dir) => {
      const names = async (folder: string, entries: readonly ZipMember[], ...more: string[]) => {
        writeFileSync(place.path("in.zip"), zipArchive(entries));
        await expand(place, 0, dir, "in.zip", "--to", folder, ...more);
        return await below(place, dir, folder);
      };
      const of = (bytes: readonly number[], host?: number): ZipMember => ({
        name: Buffer.from(bytes),
        body: "a",
        ...(host !== undefined && { host }),
      });
      const slashes = [
        { name: "site\\", body: "" },
        { name: "site\\css\\a.css", body: "a", host: 10 },
        { name: "site/b\\ü.css", body: "b", host: 11 },
        { name: "site/c\\d.css", body: "d", host: 14 },
      ];
      assert.deepEqual(await names("slash", slashes), [
        "site/",
        "site/b/",
        "site/b/ü.css",
        "site/c/",
        "site/c/d.css",
        "site/css/",
        "site/css/a.css",
      ]);
      const name = [0x47, 0x72, 0x81, 0xe1, 0x65, 0x9b]; // Grüße and the byte that code pages 437 and 850 read differently
      assert.deepEqual(await names("437", [of(name)]), ["Grüße¢"]);
      assert.deepEqual(await names("850", [of(name)], "--name-encoding", "CP850"), ["Grüßeø"]);
      assert.deepEqual(await names("sjis", [of([0x83, 0x5c, 0x5c, 0x61])], "--name-encoding", "shift_jis"), [
        "ソ/",
        "ソ/a",
      ]);
      assert.deepEqual(await names("utf8", [of([0xc3, 0xbc], 3)]), ["ü"]);
      // on other systems tools use the encoding of the maker
      writeFileSync(place.path("unix.zip"), zipArchive([of([0x66, 0xfc], 3)]));
      assert.match((await expand(place, 3, dir, "unix.zip")).said, /unknown encoding; give it with --name-encoding/);
      assert.deepEqual(await names("unix", [of([0x66, 0xfc], 3)], "--name-encoding", "iso-8859-1"), ["fü"]);
      await place.exits(2, "asset", "import-archive", dir, "unix.zip", "--name-encoding", "klingon");
      for (const bad of ["..\\..\\x", "a\\..\\..\\x", "\\x", "C:\\x", "a\\\\x", "con\\x"]) {
        writeFileSync(place.path("bad.zip"), zipArchive([{ name: bad, body: "x" }]));
        await place.exits(3, "asset", "import-archive", dir, "bad.zip");
      }
      writeFileSync(place.path("twice.zip"), zipArchive(["a\\b", "a/b"].map((each) => ({ name: each, body: "x" }))));
      assert.match((await expand(place, 3, dir, "twice.zip")).said, /has the same path/);
      writeFileSync(place.path("unix.zip"), zipArchive([{ name: "a\\b", body: "x", host: 3 }]));
      assert.match((await expand(place, 3, dir, "unix.zip")).said, /contains a backslash/);
    },
    "disk",
  );

  test(
    "--include and --exclude select entries of archives and files of folders; a hint names what systems leave behind",
    async (place, dir) => {
      const files = ["site/a.html", "site/b.css", "site/.DS_Store", "__MACOSX/site/._a.html"];
      const link: TarMember = { name: "site/link", flag: "2", linkName: "a.html" };
      writeFileSync(place.path("in.tar"), tarArchive([...files.map((name) => ({ name, body: "x" })), link]));
      await expand(place, 3, dir, "in.tar", "--to", "link");
      const hint = /hint: 2 files that macOS .* --exclude '__MACOSX' --exclude '\.DS_Store'/;
      const whole = await expand(place, 0, dir, "in.tar", "--to", "whole", "--exclude", "link");
      assert.match(whole.said, hint);
      const clean = ["__MACOSX", ".DS_Store", "link"].flatMap((name) => ["--exclude", name]);
      const selected = await expand(place, 0, dir, "in.tar", "--to", "part", "--include", "*.html", ...clean);
      assert.deepEqual(await below(place, dir, "part"), ["site/", "site/a.html"]);
      assert.doesNotMatch(selected.said, /hint/);

      for (const name of files) {
        mkdirSync(place.path("in", name, ".."), { recursive: true });
        writeFileSync(place.path("in", name), "x");
      }
      symlinkSync("a.html", place.path("in/site/link"));
      const upload = async (...more: string[]) => {
        const { stdout, stderr } = await place.run("asset", "upload", dir, "--recursive", "--to", ...more);
        return stdout + stderr;
      };
      assert.match(await upload("up", "--exclude", "link", "in"), hint);
      assert.doesNotMatch(await upload("up2", ...clean, "--exclude", "site/*.css", "in", "in.tar"), /hint|skipped/);
      assert.deepEqual(await below(place, dir, "up2"), ["in/", "in.tar", "in/site/", "in/site/a.html"]);
      await place.run("asset", "sync", "in", dir, "--to", "sync", ...clean);
      assert.deepEqual(await below(place, dir, "sync"), ["site/", "site/a.html", "site/b.css"]);
    },
    "disk",
  );

  test(
    "archives, and the times in them, do not depend on the time zone",
    async (place, dir) => {
      writeFileSync(place.path("a.txt"), "hello");
      utimesSync(place.path("a.txt"), 1_600_000_001, 1_600_000_001);
      await place.run("asset", "upload", dir, "a.txt", "--to", "in");
      const zones = ["UTC", "Asia/Tokyo", "America/New_York"];
      for (const format of ["zip", "tgz"]) {
        const made: string[] = [];
        for (const TZ of zones) {
          const name = `${TZ.replace("/", "-")}.${format}`;
          const args = ["asset", "export", dir, "in", "--format", format, "--output", name];
          assert.equal((await place.feedctl(args, { env: { TZ } })).code, 0);
          made.push(
            createHash("sha256")
              .update(readFileSync(place.path(name)))
              .digest("hex"),
          );
        }
        assert.equal(new Set(made).size, 1, "one archive");
        const expanding = ["asset", "import-archive", dir, `UTC.${format}`, "--to", format];
        assert.equal((await place.feedctl(expanding, { env: { TZ: "Asia/Tokyo" } })).code, 0);
        const { modifiedAt } = (await place.run("asset", "show", dir, `${format}/a.txt`, "--json")).json() as {
          modifiedAt: string;
        };
        assert.equal(modifiedAt, "2020-09-13T12:26:41.000Z");
      }
    },
    "disk",
  );

  test(
    "an export whose file exists fails before it reads anything",
    async (place, dir) => {
      writeFileSync(place.path("a.txt"), "hello");
      await place.run("asset", "upload", dir, "a.txt");
      rmSync(place.path("stores"), { recursive: true });
      await place.exits(5, "asset", "export", dir, "--format", "zip", "--output", "a.txt");
      assert.equal(readFileSync(place.path("a.txt"), "utf8"), "hello");
    },
    "disk",
  );

  database.test("hostile archives of the samples leave nothing", async (t) => {
    if (noShared) return t.skip(noShared);
    await using place = await database.install(stores.env);
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    const dir = await stores.directory(place, "disk");
    let refused = 0;
    for (const folder of ["bad-zip", "bad-tar", "bad-tar-gen"])
      for (const name of readdirSync(samplePath(folder))) {
        const done = await place.any("asset", "import-archive", dir, samplePath(folder, name), "--json");
        // some are invalid only as packages: they are imported whole, and checked below
        assert.ok(done.code === 0 || done.code === 3, `${name}: ${done.code} ${done.stderr}`);
        if (done.code === 3) refused++;
      }
    assert.ok(refused > 15, `${refused} were refused`);
    await proven(place, dir);
  });
});
