// Configuration is data: nothing that lies in a directory is run, and nothing that another user could have written is used.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { searchPlaces } from "../../src/cli/frame/config-file.ts";
import { loadConfig } from "../../src/cli/frame/config.ts";
import type { Io } from "../../src/cli/frame/io.ts";
import { redact } from "../../src/lib/text/redact.ts";
import { isolation, sandbox, type Sandbox } from "../support/feedctl.ts";

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const withoutOwners = process.platform === "win32" && "Windows has no permission bits";

function ioIn(cwd: string, env: Io["env"] = {}): Io {
  const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  return {
    cwd,
    env: { ...isolation(cwd), ...env },
    platform: process.platform,
    pid: process.pid,
    stdin: Readable.from([]),
    stdout: sink(),
    stderr: sink(),
    signal: new AbortController().signal,
    now: () => new Date(),
  };
}

/** A project with a folder in which feedctl runs, and the trace that a program in the project would leave. */
function project(place: Sandbox): { folder: string; ran: string; program: string; module: string } {
  const folder = place.path("project", "folder");
  mkdirSync(folder, { recursive: true });
  const ran = place.path("ran");
  const write = `writeFileSync(${JSON.stringify(ran)}, "")`;
  return {
    folder,
    ran,
    program: `require("node:fs").${write}; module.exports = {};`,
    module: `import { writeFileSync } from "node:fs"; ${write}; export default {};`,
  };
}

const programs = ["js", "mjs", "cjs", "ts", "mts", "cts"].flatMap((ending) => [
  `feedctl.config.${ending}`,
  `.feedctlrc.${ending}`,
]);

for (const name of programs) {
  test(`${name} is not run, here or above, and the user is told to write data`, async () => {
    await using place = await sandbox();
    const { folder, ran, program, module } = project(place);
    writeFileSync(place.path("project", name), name.endsWith(".js") || name.includes(".c") ? program : module);
    await assert.rejects(loadConfig(ioIn(folder), {}), { code: "usage", message: /is a program/, hint: /YAML/ });
    await assert.rejects(loadConfig(ioIn(folder), { config: `../${name}` }), {
      code: "usage",
      message: /is a program/,
    });
    assert.ok(!existsSync(ran), "it ran");
  });
}

test("no program runs for a command or a completion, not even one that configures the search itself", async () => {
  await using place = await sandbox();
  const { folder, ran, program, module } = project(place);
  mkdirSync(join(folder, ".config"));
  for (const ending of ["js", "cjs"]) writeFileSync(join(folder, ".config", `config.${ending}`), program);
  writeFileSync(join(folder, ".config", "config.mjs"), module);
  writeFileSync(join(folder, "own.cjs"), program);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ cosmiconfig: { searchPlaces: ["own.cjs"] } }));
  const types = await place.feedctl(["store", "types"], { cwd: folder });
  assert.equal(types.code, 0, types.stderr);
  assert.equal((await place.feedctl(["__complete", "feeds"], { cwd: folder })).code, 0);
  assert.ok(!existsSync(ran), "a program ran");

  writeFileSync(join(folder, "feedctl.config.json"), JSON.stringify({ $import: "./own.cjs" }));
  const imported = await place.feedctl(["store", "types"], { cwd: folder });
  assert.match(imported.stderr, /^error: the configuration file .*own\.cjs is a program/);
  assert.equal(imported.code, 2);
  assert.ok(!existsSync(ran), "an imported program ran");
});

for (const { name, text } of [
  { name: "feedctl.config.json", text: '{"concurrency": 5}' },
  { name: "feedctl.config.yaml", text: "concurrency: 5\n" },
  { name: "feedctl.config.yml", text: "concurrency: 5\n" },
  { name: "feedctl.config.toml", text: "concurrency = 5\n" },
  { name: ".feedctlrc", text: "concurrency: 5\n" },
  { name: ".feedctlrc", text: '{"concurrency": 5}' },
  { name: ".feedctlrc.toml", text: "concurrency = 5\n" },
  { name: "package.json", text: '{"name": "x", "feedctl": {"concurrency": 5}}' },
]) {
  test(`${name} is read as data: ${text.trim()}`, async () => {
    await using place = await sandbox();
    const { folder } = project(place);
    const file = place.path("project", name);
    writeFileSync(file, text);
    const config = await loadConfig(ioIn(folder), {});
    assert.equal(config.concurrency, 5);
    assert.equal(config.file, file);
  });
}

test("a TOML file is checked like any other, and its error quotes no line of it", async () => {
  await using place = await sandbox();
  writeFileSync(place.path("feedctl.config.toml"), 'databaseUrl = "postgres://u:hunter2@h/d\n');
  const broken = await place.feedctl(["store", "types"]);
  assert.match(broken.stderr, /^error: the configuration file .*feedctl\.config\.toml:1:\d+ cannot be read: .*line 1/);
  assert.doesNotMatch(broken.stderr, /hunter2/);
  assert.equal(broken.code, 2);
  writeFileSync(place.path("feedctl.config.toml"), "[storees]\n");
  assert.match((await place.feedctl(["store", "types"])).stderr, /the entry "storees" is unknown/);
});

test("an error about an entry names the file, line and column", async () => {
  await using place = await sandbox();
  const { folder } = project(place);
  for (const { name, text, why } of [
    { name: "feedctl.config.toml", text: '# x\n[storees]\na = "x"\n', why: /:2:1: the entry "storees" is unknown/ },
    { name: "feedctl.config.toml", text: "\n[limits]\n  zipEntry = 4\n", why: /:3:3: "zipEntry" is not a limit/ },
    { name: "feedctl.config.toml", text: "limits.zipEntry = 4\n", why: /:1:1: "zipEntry" is not a limit/ },
    {
      name: "feedctl.config.toml",
      text: "a = 1\nlimits = { zipEntries = 0 }\n".slice(6),
      why: /:1:1: the limit zipEntries/,
    },
    {
      name: "feedctl.config.toml",
      text: '[stores."my = store"]\ntype = "disk"\n',
      why: /:1:1: the store profile "my = store": a disk store needs "path"/,
    },
    { name: "feedctl.config.toml", text: "lockWait = -1\n", why: /:1:1: lockWait must be/ },
    { name: "feedctl.config.yaml", text: "dataDir: x\nconcurrency: none\n", why: /:2:1: concurrency must be/ },
    { name: "feedctl.config.yaml", text: "limits:\n  manifest: lots\n", why: /:2:3: the limit manifest must be/ },
    { name: "feedctl.config.json", text: '{"lockWait": 1e9}', why: /:1:2: lockWait must be/ },
  ]) {
    const file = place.path("project", name);
    writeFileSync(file, text);
    await assert.rejects(loadConfig(ioIn(folder), {}), (error: Error) => {
      assert.ok(error.message.startsWith(`${file}:`), error.message);
      assert.match(error.message, why);
      return true;
    });
    rmSync(file);
  }
});

test("the search ends at the root of the project or at home, then tries the user's and the system's directory", async () => {
  await using place = await sandbox();
  const { folder } = project(place);
  const directories = (cwd: string, platform: NodeJS.Platform = "linux", env = {}) =>
    searchPlaces({ cwd, platform, env }, "/user/config").map(({ directory }) => directory);
  mkdirSync(place.path("project", ".git"));
  assert.deepEqual(directories(folder), [folder, place.path("project"), "/user/config", "/etc/feedctl"]);
  assert.deepEqual(directories(folder, "win32", { ProgramData: "C:\\ProgramData" }).at(-1), "C:\\ProgramData\\feedctl");
  writeFileSync(join(folder, "package.json"), "{}");
  assert.deepEqual(directories(folder), [folder, "/user/config", "/etc/feedctl"]);
  const above = place.path("feedctl.config.json");
  writeFileSync(above, '{"nonsense": 1}');
  const result = await place.feedctl(["store", "types"], { cwd: folder });
  assert.equal(result.code, 0, result.stderr);
  // the sandbox is the home directory
  const home = await place.feedctl(["store", "types"], { cwd: place.directory });
  assert.match(home.stderr, /the entry "nonsense" is unknown/);
});

test("the file of the user's configuration directory counts when none is nearer", async () => {
  await using place = await sandbox();
  mkdirSync(place.path("etc", "feedctl"), { recursive: true });
  writeFileSync(place.path("etc", "feedctl", "config.yaml"), "concurrency: none\n");
  const env = { XDG_CONFIG_HOME: place.path("etc"), APPDATA: place.path("etc") };
  if (process.platform === "linux") {
    const user = await place.feedctl(["store", "types"], { env });
    assert.match(user.stderr, /concurrency must be a whole number/);
  }
  writeFileSync(place.path(".feedctlrc"), "concurrency: 3\n");
  const nearer = await place.feedctl(["store", "types"], { env });
  assert.equal(nearer.code, 0, nearer.stderr);
});

test("a file that others may write is refused", { skip: withoutOwners }, async () => {
  await using place = await sandbox();
  const file = place.path("feedctl.config.yaml");
  writeFileSync(file, "concurrency: 5\n");
  for (const mode of [0o666, 0o646, 0o664, 0o602]) {
    chmodSync(file, mode);
    const refused = { code: "denied", message: /is not used: others may write it \(mode 0\d+\)$/ };
    await assert.rejects(loadConfig(ioIn(place.directory), {}), refused);
    await assert.rejects(loadConfig(ioIn("/"), { config: file }), refused);
  }
  assert.equal((await place.feedctl(["store", "types"])).code, 6);
  chmodSync(file, 0o644);
  assert.equal((await place.feedctl(["store", "types"])).code, 0);
});

test("a file or a link of another user is refused, for a completion too", { skip: withoutOwners }, async (t) => {
  if (!isRoot) return t.skip("only root can give a file to another user");
  await using place = await sandbox();
  assert.equal((await place.feedctl(["feed", "create", "internal", "--type", "npm"])).code, 0);
  const { folder } = project(place);
  const env = { FEEDCTL_DATA_DIR: undefined };
  const values = JSON.stringify({ dataDir: place.data });
  const complete = () => place.feedctl(["__complete", "feeds"], { cwd: folder, env });

  const file = place.path("project", "feedctl.config.json");
  writeFileSync(file, values);
  assert.match((await complete()).stdout, /^internal\t/);
  lchownSync(file, NOBODY, NOBODY);
  assert.equal((await complete()).stdout, "");
  const foreign = await place.feedctl(["store", "types"], { cwd: folder });
  assert.match(foreign.stderr, /^error: the configuration file .* it belongs to another user \(uid 65534\)/);
  assert.equal(foreign.code, 6);

  lchownSync(file, 0, 0);
  const link = join(folder, "feedctl.config.json");
  symlinkSync(file, link);
  assert.equal((await place.feedctl(["store", "types"], { cwd: folder })).code, 0);
  lchownSync(link, NOBODY, NOBODY);
  const linked = await place.feedctl(["store", "types"], { cwd: folder });
  assert.match(linked.stderr, /the link belongs to another user/);
  assert.equal(linked.code, 6);
});

test("another user's package.json matters only when it configures feedctl", { skip: withoutOwners }, async () => {
  await using place = await sandbox();
  const file = place.path("package.json");
  writeFileSync(file, '{"name": "theirs"}');
  chmodSync(file, 0o666);
  const ignored = await place.feedctl(["store", "types"]);
  assert.equal(ignored.code, 0, ignored.stderr);
  writeFileSync(file, '{"name": "theirs", "feedctl": {"concurrency": 5}}');
  assert.equal((await place.feedctl(["store", "types"])).code, 6);
});

test("a pipe with the name of a configuration file is not waited for", { skip: withoutOwners }, async () => {
  await using place = await sandbox();
  assert.equal(spawnSync("mkfifo", [place.path("feedctl.config.json")]).status, 0);
  const result = await place.feedctl(["store", "types"]);
  assert.equal(result.code, 0, result.stderr);
});

for (const name of [
  "HOME",
  "FEEDCTL_CONFIG",
  "FEEDCTL_DATABASE_URL",
  "FEEDCTL_DATABASE_URL_FILE",
  "FEEDCTL_DATA_DIR",
  "FEEDCTL_KEY_FILE",
  "FEEDCTL_KEY",
]) {
  test(`an empty ${name} is refused`, async () => {
    await using place = await sandbox();
    const variable = name === "HOME" && process.platform === "win32" ? "USERPROFILE" : name;
    const result = await place.feedctl(["feed", "list"], { env: { [variable]: "" } });
    assert.equal(result.stderr, `error: ${variable} is set but empty\nhint: give it a value, or: unset ${variable}\n`);
    assert.equal(result.code, 2);
    assert.ok(!existsSync(place.data), "nothing was made");
  });
}

test("a relative home is refused: each working directory would get a catalog of its own", async () => {
  await using place = await sandbox();
  const relative = { HOME: "home", USERPROFILE: "home", LOCALAPPDATA: "home", APPDATA: "home" };
  const result = await place.feedctl(["feed", "list"], { env: { ...relative, FEEDCTL_DATA_DIR: undefined } });
  assert.match(result.stderr, /^error: the directory home.* is not an absolute path\nhint: /);
  assert.equal(result.code, 2);
});

test("a huge file is refused before it is read, whoever owns it", async () => {
  await using place = await sandbox();
  const { folder } = project(place);
  const path = join(folder, "feedctl.config.yaml");
  writeFileSync(path, "");
  truncateSync(path, 1024 ** 4);
  for (const config of [undefined, path])
    await assert.rejects(loadConfig(ioIn(folder), { config }), { code: "usage", message: /has 1099511627776 bytes/ });
});

for (const name of ["databaseUrl", "databaseUrlFile", "dataDir", "keyFile"])
  test(`an empty ${name} is refused: another catalog, directory or key would be used than intended`, async () => {
    await using place = await sandbox();
    const { folder } = project(place);
    writeFileSync(join(folder, "feedctl.config.yaml"), `${name}: ""\n`);
    const io = ioIn(folder, { FEEDCTL_DATA_DIR: undefined });
    await assert.rejects(loadConfig(io, {}), { code: "usage", message: new RegExp(`"${name}" is empty`) });
  });

test("the database URL is read from a file that only its user can read", { skip: withoutOwners }, async () => {
  await using place = await sandbox();
  const file = place.path("url");
  const load = (env: Io["env"]) => loadConfig(ioIn(place.directory, env), {});
  writeFileSync(file, "postgres://u:hunter2@h/d\n", { mode: 0o400 });
  assert.equal((await load({ FEEDCTL_DATABASE_URL_FILE: "url" })).databaseUrl, "postgres://u:hunter2@h/d");
  assert.equal(redact("it said hunter2"), "it said ***");
  writeFileSync(place.path("feedctl.config.yaml"), `databaseUrlFile: ${file}\n`);
  assert.equal((await load({})).databaseUrl, "postgres://u:hunter2@h/d");
  assert.equal((await load({ FEEDCTL_DATABASE_URL: "postgres://other/d" })).databaseUrl, "postgres://other/d");

  const both = { FEEDCTL_DATABASE_URL: "postgres://h/d", FEEDCTL_DATABASE_URL_FILE: file };
  await assert.rejects(load(both), { code: "usage", message: /are both set/ });
  await assert.rejects(load({ FEEDCTL_DATABASE_URL_FILE: "none" }), { code: "denied", message: /cannot be read from/ });
  chmodSync(file, 0o444);
  await assert.rejects(load({}), { code: "denied", message: /is not used: .* \(mode 0444\)/ });
  writeFileSync(place.path("two"), "URL=postgres://u:hunter2@h/d\nPORT=5\n", { mode: 0o600 });
  await assert.rejects(load({ FEEDCTL_DATABASE_URL_FILE: "two" }), { code: "usage", message: /and nothing else/ });
});
