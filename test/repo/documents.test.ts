import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { type CommandPage, readManual } from "../../docs/generate/model.ts";
import { errorCodes, exitStatuses } from "../../src/errors.ts";
import { commandLineProblem, feedctlCalls } from "../support/command-lines.ts";
import { repository } from "../support/build.ts";

const read = (name: string) => readFileSync(join(repository, name), "utf8");

test("the table of exit statuses in docs/scripting.md is that of errors.ts", () => {
  const table = /<!-- exit-status:begin -->(.*)<!-- exit-status:end -->/s.exec(read("docs/scripting.md"))?.[1] ?? "";
  const rows = [...table.matchAll(/^\| *(\d+) *\| (.*?) *\|$/gm)].map(([, status, meaning]) => ({
    status: Number(status),
    meaning,
  }));
  assert.deepEqual(rows, exitStatuses);
});

test("every error code has a documented exit status", () => {
  const explained = new Set(exitStatuses.map(({ status }) => status));
  for (const [code, { exit }] of Object.entries(errorCodes))
    assert.ok(explained.has(exit), `${code} exits with ${exit}`);
});

/** The documents, by path from the root of the repository. */
const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ...markdownBelow("docs")];

function markdownBelow(folder: string): string[] {
  return readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
}

/** The anchors that GitHub generates for the headings of a document. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm)].map(
    ([, heading = ""]) => heading,
  );
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(/\s/g, "-"),
    ),
  );
}

for (const document of documents) {
  test(`every link in ${document} has a target`, () => {
    const text = read(document).replaceAll(/^```.*?^```$/gms, "");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? document : relative(repository, join(repository, dirname(document), path));
      assert.ok(existsSync(join(repository, file)), `${target}: there is no ${file}`);
      if (anchor !== undefined) assert.ok(anchorsOf(read(file)).has(anchor), `${target}: no such heading`);
    }
  });
}

test("docs/catalog.md explains every environment variable that feedctl reads", () => {
  const sources = ["src", "bin"].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.[jt]s$/.test(name))
      .map((name) => read(join(folder, name))),
  );
  const names = new Set(sources.flatMap((text) => text.match(/\bFEEDCTL_[A-Z_]+\b/g) ?? []));
  assert.ok(names.has("FEEDCTL_DATABASE_URL"));
  for (const name of names) assert.match(read("docs/catalog.md"), new RegExp(`^\\| \`${name}\\b`, "m"), name);
});

test("the README is an overview of at most 8 KB that names every guide", () => {
  assert.ok(statSync(join(repository, "README.md")).size <= 8192);
  const guides = readdirSync(join(repository, "docs")).filter((name) => name.endsWith(".md"));
  assert.ok(guides.length >= 12);
  for (const name of guides) assert.ok(read("README.md").includes(`(docs/${name})`), name);
});

test("feedctl accepts every command line in the documents", async () => {
  const blocks = documents
    .filter((document) => !document.startsWith(join("docs", "reference")))
    .flatMap((document) =>
      [...read(document).matchAll(/^```(?:sh|console)\n(.*?)^```$/gms)].map(([, text = ""]) => ({ document, text })),
    );
  const lines = blocks.flatMap(({ document, text }) =>
    feedctlCalls(text.replaceAll(/^\$ /gm, "")).map((line) => ({ document, line })),
  );
  assert.ok(lines.length > 100, "command lines were found");
  for (const { document, line } of lines)
    assert.equal(await commandLineProblem(line), undefined, `${document}: feedctl ${line}`);
});

test("every command and option named in prose exists", () => {
  const { pages, everywhere } = readManual();
  const entries = [...everywhere, ...pages.flatMap(({ options }) => options.flatMap((group) => group.entries))];
  const flags = new Set(entries.flatMap(({ term }) => term.match(/--[-a-z0-9]+/g) ?? []));
  // options of npm, Node and rsync
  for (const flag of ["--global", "--max-old-space-size", "--delete"]) flags.add(flag);
  for (const document of documents.filter((name) => name.startsWith("docs/") || name === "README.md")) {
    const prose = read(document).replaceAll(/^```.*?^```$/gms, "");
    for (const [, code = ""] of prose.matchAll(/`([^`]+)`/g)) {
      for (const flag of code.match(/(?<![\w-])--[a-z][-a-z0-9]*[a-z0-9](?![-\w])/g) ?? [])
        assert.ok(flags.has(flag), `${document}: ${flag}`);
      const [, words = ""] = /^feedctl ((?:[a-z][-a-z]*)(?: [a-z][-a-z]*)*)/.exec(code) ?? [];
      if (words !== "") assert.ok(isCommand(words.split(" "), pages), `${document}: feedctl ${words}`);
    }
  }
});

/** Whether the words are a command, possibly with arguments. A noun accepts only verbs, no arguments. */
function isCommand(words: readonly string[], pages: readonly CommandPage[]): boolean {
  const page = pages.findLast(
    ({ path }) => path.length > 0 && path.join(" ") === words.slice(0, path.length).join(" "),
  );
  return page !== undefined && (page.commands.length === 0 || page.path.length === words.length);
}

test("every row of a table is one line", () => {
  for (const document of documents)
    for (const row of read(document).matchAll(/^\|.*$/gm)) assert.ok(row[0].length <= 120, `${document}: ${row[0]}`);
});

test("the changelog has a section for the version of the package", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const sections = [...read("CHANGELOG.md").matchAll(/^## \[(.*?)\](?: - (\d{4}-\d\d-\d\d))?$/gm)];
  assert.deepEqual(sections[0]?.slice(1), ["Unreleased", undefined]);
  assert.equal(sections[1]?.[1], version);
  assert.ok(sections[1]?.[2], "a version has a date");
});
