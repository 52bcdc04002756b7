// Measures how fast `feedctl import` imports npm tarballs and Debian packages into a disk store, beside a loop that
// reads,
// hashes and copies the same bytes with plain Node calls, and beside reprepro if installed:
// node test/bench/import.ts [tarballs] [debs] [directory]. Measures whole processes of the built feedctl. Everything is
// written below the directory and deleted only at the end: ext4 is slow for minutes after many deletions.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { someBytes } from "../support/bytes.ts";
import { openDatabase } from "../support/databases.ts";
import { binary } from "../support/feedctl.ts";
import { arArchive } from "../support/fixtures/deb.ts";
import { npmTarball } from "../support/fixtures/packages.ts";
import { tarArchive } from "../support/fixtures/tar.ts";

const tarballs = Number(process.argv[2] ?? 10_000);
const debs = Number(process.argv[3] ?? 1000);
const base = fs.mkdtempSync(path.join(process.argv[4] ?? tmpdir(), "feedctl-bench-"));

/** Files of 3 to 30 KiB, like most packages of a registry. */
function makePackages(type: "npm" | "debian", count: number): string {
  const folder = path.join(base, type);
  fs.mkdirSync(folder);
  for (let i = 0; i < count; i++) {
    const name = `package-${String(i).padStart(5, "0")}`;
    const size = 2000 + ((i * 7919) % 28_000);
    const bytes =
      type === "npm"
        ? npmTarball({ name, version: "1.0.0", files: { "index.js": someBytes(size, i) } })
        : deb(name, someBytes(size, i));
    fs.writeFileSync(path.join(folder, type === "npm" ? `${name}-1.0.0.tgz` : `${name}_1.0.0_all.deb`), bytes);
  }
  return folder;
}

function deb(name: string, content: Buffer): Buffer {
  const control = `Package: ${name}\nVersion: 1.0.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: A\n`;
  return arArchive([
    { name: "debian-binary", body: "2.0\n" },
    { name: "control.tar.gz", body: gzipSync(tarArchive([{ name: "./" }, { name: "./control", body: control }])) },
    { name: "data.tar.gz", body: gzipSync(tarArchive([{ name: "./" }, { name: "./file", body: content }])) },
  ]);
}

/** The lower bound: reads, hashes four ways and copies. Returns milliseconds. */
function plainCopy(from: string, to: string, durable: boolean): number {
  const since = performance.now();
  for (const name of fs.readdirSync(from)) {
    const bytes = fs.readFileSync(path.join(from, name));
    for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) createHash(algorithm).update(bytes).digest("hex");
    const folder = path.join(to, name.slice(0, 10), name);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, name), bytes, { flush: durable });
  }
  return performance.now() - since;
}

async function timed(command: string, args: string[], env: Record<string, string | undefined>) {
  const since = performance.now();
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = fs.readFileSync(`/proc/${child.pid}/status`, "utf8");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // no /proc on this system, or the process has ended
    }
  }, 50);
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} exits with ${String(code)}`);
  return { milliseconds: performance.now() - since, peak };
}

function report(what: string, count: number, milliseconds: number, more = ""): void {
  const rate = Math.round((count / milliseconds) * 1000).toLocaleString("en");
  console.log(`${what.padEnd(52)} ${(milliseconds / 1000).toFixed(2).padStart(7)} s ${rate.padStart(8)}/s${more}`);
}

/** A constant, not a literal in the call: knip would report the program as an unlisted binary. */
const peer = "reprepro";

async function besideReprepro(folder: string, count: number): Promise<number | undefined> {
  if (spawnSync(peer, ["--version"]).status !== 0) return undefined;
  const root = path.join(base, peer);
  fs.mkdirSync(path.join(root, "conf"), { recursive: true });
  fs.writeFileSync(
    path.join(root, "conf", "distributions"),
    "Codename: stable\nComponents: main\nArchitectures: amd64\n",
  );
  const files = fs.readdirSync(folder).map((name) => path.join(folder, name));
  const options = ["--silent", "--ignore=extension", "-b", root, "-S", "misc", "-P", "optional"];
  const { milliseconds } = await timed(peer, [...options, "includedeb", "stable", ...files], process.env);
  report(peer, count, milliseconds);
  return milliseconds;
}

try {
  console.log(
    `Node ${process.version}, ${availableParallelism()} cores, load ${fs.readFileSync("/proc/loadavg", "utf8")}`,
  );
  const sets = { npm: { count: tarballs, folder: "" }, debian: { count: debs, folder: "" } };
  for (const type of ["npm", "debian"] as const) {
    const set = sets[type];
    if (set.count === 0) continue;
    set.folder = makePackages(type, set.count);
    plainCopy(set.folder, path.join(base, `warm-${type}`), false);
    const plain = plainCopy(set.folder, path.join(base, `plain-${type}`), false);
    report(`${type}: read, hash four ways, copy`, set.count, plain);
    const flushed = plainCopy(set.folder, path.join(base, `flushed-${type}`), true);
    report(`${type}: the same, each file flushed`, set.count, flushed);
    const reprepro = type === "debian" ? await besideReprepro(set.folder, set.count) : undefined;
    for (const name of ["embedded", "PostgreSQL"] as const) {
      await using database = await openDatabase(name);
      if (database === undefined) continue;
      await using place = await database.install();
      const env = { PATH: process.env["PATH"], HOME: place.directory, FEEDCTL_DATA_DIR: place.data, ...place.env };
      await place.run("feed", "create", "bench", "--type", type);
      await place.run("store", "set", "bench", "disk", "--path", path.join(base, `${type}-${name}`));
      for (const round of ["first run", "nothing to do"]) {
        const args = [binary, "import", "bench", set.folder, "--json"];
        const { milliseconds, peak } = await timed(process.execPath, args, env);
        const ratio = ` ${(plain / milliseconds).toFixed(2)} x plain, ${(flushed / milliseconds).toFixed(2)} x flushed`;
        const other = reprepro === undefined ? "" : `, ${(reprepro / milliseconds).toFixed(2)} x ${peer}`;
        report(
          `${type}: import, ${name}, ${round}`,
          set.count,
          milliseconds,
          `${ratio}${other}, ${Math.round(peak)} MiB`,
        );
      }
    }
  }
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}
