import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { tryProcessLock } from "../../../src/lib/files/process-lock.ts";
import { repository } from "../../support/build.ts";
import { type Installation, type OpenDatabase, openDatabase } from "../../support/databases.ts";
import { feedctl, sandbox } from "../../support/feedctl.ts";
import { npmFileName, npmTarball } from "../../support/fixtures/packages.ts";
import { noShell, runShell } from "../../support/shells.ts";

const scripts = { bash: "feedctl.bash", zsh: "_feedctl", fish: "feedctl.fish", powershell: "feedctl.ps1" };
const scriptPath = (shell: keyof typeof scripts) => join(repository, "completions", scripts[shell]);

let database: OpenDatabase;
let place: Installation;

before(async () => {
  // the embedded catalog is ten times as slow to open, and each completion opens it
  database = (await openDatabase("PostgreSQL")) ?? (await openDatabase("embedded"))!;
  place = await database.install();
  for (const [name, type] of [
    ["internal", "npm"],
    ["other.feed-2", "nuget"],
    ["assets", "asset"],
  ] as const)
    await place.run("feed", "create", name, "--type", type);
  for (const name of ["@scope/thing", "plain"]) {
    const file = place.path(npmFileName({ name, version: "1.0.0" }));
    writeFileSync(file, npmTarball({ name, version: "1.0.0" }));
    await place.run("import", "internal", file);
  }
  mkdirSync(place.path("drop"));
  writeFileSync(place.path("dr file.json"), "{}");
});

after(async () => {
  await place[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

for (const [shell, file] of Object.entries(scripts)) {
  test(`completions/${file} is what "feedctl completion ${shell}" prints`, async () => {
    const printed = await feedctl(["completion", shell]);
    assert.equal(printed.code, 0, printed.stderr);
    const committed = readFileSync(join(repository, "completions", file), "utf8").replaceAll("\r\n", "\n");
    assert.ok(printed.stdout === committed, `completions/${file} is stale; run: npm run completions`);
  });
}

test("the help of completion explains the installation for every shell; an unknown shell is refused", async () => {
  const help = await feedctl(["completion", "bash", "--help"]);
  assert.equal(help.code, 0);
  for (const words of ["source <(feedctl completion bash)", "/_feedctl", "completions/feedctl.fish", "$PROFILE"])
    assert.ok(help.stdout.includes(words), words);
  const unknown = await feedctl(["completion", "tcsh"]);
  assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
});

/** The typed line up to the cursor, and the sorted completions that every shell must offer. */
const offers: { line: string; words: string[]; catalog?: true }[] = [
  { line: "feedctl st", words: ["store"] },
  { line: "feedctl store ", words: ["clean", "help", "mark", "refresh", "set", "show", "test", "types", "usage"] },
  { line: "feedctl feed --json cre", words: ["create"] },
  { line: "feedctl --json feed cre", words: ["create"] },
  { line: "feedctl help migr", words: ["migrate"] },
  { line: "feedctl store help us", words: ["usage"] },
  { line: "feedctl feed create x --type n", words: ["npm", "nuget"] },
  { line: "feedctl feed create x --typ", words: ["--type"] },
  { line: "feedctl feed create --type npm --json --descr", words: ["--description"] },
  { line: "feedctl feed set internal --no-", words: ["--no-active", "--no-color", "--no-retention"] },
  { line: "feedctl migrate run internal --to ", words: ["azure", "disk", "gcs", "s3"] },
  { line: "feedctl store set internal ", words: ["azure", "disk", "gcs", "s3"] },
  { line: "feedctl settings get Storage.N", words: ["Storage.NpmPackagesLibrary", "Storage.NuGetPackagesLibrary"] },
  { line: "feedctl completion ", words: ["bash", "fish", "powershell", "zsh"] },
  { line: "feedctl store set ", words: ["assets", "internal", "other.feed-2"], catalog: true },
  { line: "feedctl import --json int", words: ["internal"], catalog: true },
  { line: "feedctl package show internal pl", words: ["plain"], catalog: true },
  { line: "feedctl package show internal @s", words: ["@scope/thing"], catalog: true },
  // no completions
  { line: "feedctl fed ", words: [] },
  { line: "feedctl fed cre", words: [] },
  { line: "feedctl xyz", words: [] },
  { line: "feedctl feed create x --bogus", words: [] },
  { line: "feedctl feed create ", words: [] },
  { line: "feedctl feed rename internal n", words: [] },
  { line: "feedctl --config missing.json store set ", words: [] },
  { line: "feedctl --config=missing.json store set ", words: [] },
];

/** The completions in bash's COMPREPLY after calling the function as readline does. */
const BASH = String.raw`
source "$SCRIPT"
COMP_LINE=$LINE COMP_POINT=\${#LINE} COMP_TYPE=9 COMP_KEY=9
read -r -a COMP_WORDS <<< "$LINE"
[[ $LINE == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
_feedctl feedctl "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
for reply in "\${COMPREPLY[@]}"; do echo "$reply"; done
`.replaceAll("\\${", "${");

/** The completions that zsh's own completion system computes, on a pseudo-terminal: the matches of compadd. */
const ZSH = String.raw`
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1= PROMPT_EOL_MARK= ; unset zle_bracketed_paste
fpath=($FUNCTIONS $fpath); autoload -Uz compinit; compinit -u -D
compadd() {
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    local -a hits; builtin compadd -A hits "$@"
    (( \${#hits} )) && print -rl -- "HIT<"\${^hits}">"
  fi
  builtin compadd "$@"
}
probe() { zle complete-word; print -r -- "<DO""NE>" }; zle -N probe; bindkey "^T" probe
print -r -- "<REA""DY>"'
zpty -r shell text '*<READY>*'
zpty -w -n shell "$LINE"$'\x14'
zpty -r shell text '*<DONE>*'
print -r -- "$text"
zpty -d shell
`.replaceAll("\\${", "${");

const shells = {
  bash: (line: string) =>
    runShell(place, ["bash", "--norc", "--noprofile", "-c", BASH], {
      env: { ...place.env, SCRIPT: scriptPath("bash"), LINE: line },
    }).stdout.split("\n"),
  fish: (line: string) => {
    const { stdout } = runShell(place, ["fish", "--no-config", "-c", 'source $SCRIPT; complete -C "$LINE"'], {
      env: { ...place.env, SCRIPT: scriptPath("fish"), LINE: line },
    });
    return stdout.split("\n").map((each) => each.split("\t")[0] ?? "");
  },
  zsh: (line: string) => {
    const { stdout } = runShell(place, ["zsh", "-f", "-c", ZSH], {
      env: { ...place.env, FUNCTIONS: join(repository, "completions"), LINE: line },
    });
    assert.match(stdout, /<DONE>/, "zsh came to an end");
    return [...stdout.matchAll(/HIT<(.*?)>/g)].map((match) => match[1] ?? "");
  },
};

function offered(shell: keyof typeof shells, line: string): string[] {
  return [...new Set(shells[shell](line))].filter((word) => word !== "").sort();
}

for (const shell of ["bash", "fish", "zsh"] as const) {
  for (const { line, words } of offers) {
    test(
      `${shell} offers ${words.length === 0 ? "nothing" : words.join(" ")} for "${line}"`,
      { skip: noShell(shell) },
      () => {
        assert.deepEqual(offered(shell, line), words);
      },
    );
  }
}

test("fish and zsh load their scripts without a warning, and describe the completions", async (t) => {
  if (noShell("fish") || noShell("zsh")) return t.skip("no fish or no zsh on this machine");
  const fish = runShell(
    place,
    ["fish", "--no-config", "-c", 'source $SCRIPT; complete -C "feedctl st"; complete -C "feedctl store set int"'],
    { env: { ...place.env, SCRIPT: scriptPath("fish") } },
  );
  assert.deepEqual(
    [fish.stdout, fish.stderr],
    ["store\tshow, set and test where a feed keeps its files\ninternal\tnpm\n", ""],
  );
  const zsh = runShell(place, ["zsh", "-n", scriptPath("zsh")]);
  assert.deepEqual([zsh.status, zsh.stderr], [0, ""]);
});

/** The typed line with TAB, and the line that bash's readline completes it to. */
const typed: [line: string, left: string][] = [
  ["feedctl feed create x --type=np", "feedctl feed create x --type=npm "],
  ["feedctl store set ot", "feedctl store set other.feed-2 "],
  ["feedctl package show internal @scope/t", "feedctl package show internal @scope/thing "],
  ['feedctl store set "ot', 'feedctl store set "other.feed-2" '],
  ["true; FOO=1 feedctl ver", "true; FOO=1 feedctl verify "],
  ["feedctl feed set internal --drop-path dr", "feedctl feed set internal --drop-path drop/"],
  ["feedctl import internal dr\\ ", "feedctl import internal dr\\ file.json "],
  ["feedctl --config=dr\\ ", "feedctl --config=dr\\ file.json "],
  ["feedctl xyz", "feedctl xyz"],
];

test(
  "bash inserts what belongs behind = and @ and inside quotes, and completes files by itself",
  { skip: noShell("bash") },
  () => {
    for (const [line, left] of typed) {
      // a mark is typed after TAB, and Enter prints the completed line
      const input = `source "$SCRIPT"\nPS1=; bind 'set bell-style none'\n${line}\t|\u0001: \u0005\n`;
      const { stderr } = runShell(place, ["bash", "--norc", "--noprofile", "-i"], {
        env: { ...place.env, SCRIPT: scriptPath("bash") },
        input,
      });
      assert.ok(stderr.includes(`${left}|`), `${line}: ${JSON.stringify(stderr)}`);
    }
  },
);

test("__complete lists feeds with their types, and packages as one types them", async () => {
  const feeds = await place.feedctl(["__complete", "feeds"]);
  assert.deepEqual(
    [feeds.code, feeds.stdout, feeds.stderr],
    [0, "assets\tasset\ninternal\tnpm\nother.feed-2\tnuget\n", ""],
  );
  const names = await place.feedctl(["__complete", "packages", "internal"]);
  assert.deepEqual([names.code, names.stdout, names.stderr], [0, "plain\n@scope/thing\n", ""]);
});

test("__complete without completions prints nothing, creates nothing and ends with status 0", async () => {
  await using empty = await sandbox();
  for (const args of [
    ["feeds"],
    ["packages", "internal"],
    ["packages"],
    ["nonsense", "--bogus"],
    [],
    ["feeds", "--config", "missing.json"],
  ]) {
    const { code, stdout, stderr } = await empty.feedctl(["__complete", ...args]);
    assert.deepEqual({ args, code, stdout, stderr }, { args, code: 0, stdout: "", stderr: "" });
  }
  assert.throws(() => readFileSync(empty.data), { code: "ENOENT" });
});

test("__complete does not wait for the embedded catalog while another process has it", async () => {
  await using busy = await sandbox();
  assert.equal((await busy.feedctl(["feed", "create", "internal", "--type", "npm"])).code, 0);
  const lock = await tryProcessLock(join(busy.data, "catalog.lock"));
  assert.ok("release" in lock);
  // waiting counts as a hang: the timeout kills it
  const names = await busy.feedctl(["__complete", "feeds"], { env: { FEEDCTL_LOCK_WAIT: "3600" } });
  await lock.release();
  assert.deepEqual([names.code, names.stdout, names.stderr], [0, "", ""]);
  assert.equal((await busy.feedctl(["__complete", "feeds"])).stdout, "internal\tnpm\n");
});

test("__complete times out on a database server that accepts and never answers", async () => {
  const { createServer } = await import("node:net");
  const server = createServer(() => {}).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const { port } = server.address() as { port: number };
    const timed = async (where: number) => {
      const began = performance.now();
      const names = await feedctl(["__complete", "feeds"], {
        env: { FEEDCTL_DATABASE_URL: `postgres://u:p@127.0.0.1:${where}/d` },
      });
      assert.deepEqual([names.code, names.stdout, names.stderr], [0, "", ""]);
      return performance.now() - began;
    };
    // a server that refuses at once measures the start-up time on this machine
    const starting = await timed(9);
    assert.ok((await timed(port)) < 6000 + 5 * starting, "other commands give a connection up after 10 s");
  } finally {
    server.close();
  }
});

test("the PowerShell script contains the whole tree (without PowerShell, it is not run)", async () => {
  const script = readFileSync(scriptPath("powershell"), "utf8");
  assert.match(script, /^\p{ASCII}*$/u, "Windows PowerShell 5.1 reads a file without a mark as ANSI");
  const json = /@'\n(\[[^]*?\n\])\n'@\n/.exec(script)?.[1];
  assert.ok(json !== undefined, "a here-string ends at the start of a line");
  const places = JSON.parse(json) as {
    path: string;
    commands: { name: string }[];
    options: { flags: string[]; value?: { choices: { name: string }[] } }[];
  }[];
  for (const { path, commands } of places) {
    for (const { name } of commands)
      assert.ok(
        places.some((other) => other.path === `${path} ${name}`.trim()),
        `${path} ${name}`,
      );
  }
  const create = places
    .find(({ path }) => path === "feed create")
    ?.options.find(({ flags }) => flags.includes("--type"));
  assert.ok(create?.value?.choices.some(({ name }) => name === "nuget"));
  const code = script.replace(json, "").replaceAll(/#.*|'[^']*'/g, "");
  for (const [open, close] of ["{}", "()", "[]"]) {
    assert.equal(code.split(open ?? "").length, code.split(close ?? "").length, `${open} and ${close} are balanced`);
  }
});
