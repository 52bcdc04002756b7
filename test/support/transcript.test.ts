import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { matches, toTokens } from "./transcript-tokens.ts";
import { checkTranscript, splitWords } from "./transcript.ts";

const commandLines: { text: string; words: string[] }[] = [
  { text: "feedctl feed  list", words: ["feedctl", "feed", "list"] },
  { text: `a 'b c' "d e" f\\ g`, words: ["a", "b c", "d e", "f g"] },
  { text: `--x='1 2'"3 \\" 4"`, words: [`--x=1 23 " 4`] },
  { text: `a '' ""`, words: ["a", "", ""] },
];
for (const { text, words } of commandLines) {
  test(`words are split as a shell would: ${text}`, () => assert.deepEqual(splitWords(text), words));
}

test("an unclosed quote is an error", () => {
  assert.throws(() => splitWords("feedctl 'feed"), /not closed/);
});

test("what differs from run to run becomes a token", () => {
  const line = `copied 3 files to /sandbox/a in 1.2 s, 3.4 MB/s, at 2026-01-02T03:04:05.678Z (2026-01-02 03:04), 12 kB`;
  assert.equal(toTokens(line, "/sandbox"), "copied 3 files to [DIR]/a in [TIME], [RATE], at [DATE] ([DATE]), 12 kB");
});

test("a token matches only values of its kind", () => {
  assert.ok(matches("holds [N] files, [SIZE]", "holds 12 files, 3.4 MiB"));
  assert.ok(!matches("holds [N] files, [SIZE]", "holds many files, 3.4 MiB"));
  assert.ok(!matches("holds [N] files", "holds 12 files, 3.4 MiB"));
  assert.ok(!matches("at [DATE]", "at noon"));
});

function transcript(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "feedctl-transcript-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "some.txt");
  writeFileSync(file, text);
  return file;
}

const good = `# comment
@ NO_COLOR=1
$ feedctl --version
[ANY].[N].[N]

$ write notes/a.txt '# not a comment'
$ files notes
notes/a.txt
$ show notes/a.txt
\\# not a comment
$ feedctl --no-such-option
! error: unknown option '--no-such-option'
[ANY]
? 2
`;

function setEnvironment(t: TestContext, name: string, value: string | undefined): void {
  const before = process.env[name];
  const set = (to: string | undefined) => (to === undefined ? delete process.env[name] : (process.env[name] = to));
  set(value);
  t.after(() => set(before));
}

test("a transcript passes if the output matches, and fails otherwise", async (t) => {
  setEnvironment(t, "UPDATE_TRANSCRIPTS", undefined);
  await checkTranscript(transcript(t, good));
  for (const [from, to] of [
    ["? 2", "? 3"],
    ["! error", "error"],
    ["notes/a.txt\n$", "notes/b.txt\n$"],
    ["\n? 2", ""],
  ] as const) {
    await assert.rejects(
      checkTranscript(transcript(t, good.replace(from, to))),
      assert.AssertionError,
      `${from} -> ${to}`,
    );
  }
  await assert.rejects(checkTranscript(transcript(t, "# nothing\n")), /runs no command/);
});

test("an update rewrites what is wrong and leaves tokens and comments alone", async (t) => {
  setEnvironment(t, "UPDATE_TRANSCRIPTS", "1");
  setEnvironment(t, "CI", undefined);
  const file = transcript(t, good.replace("? 2\n", "").replace("notes/a.txt\n$ show", "$ show"));
  await checkTranscript(file);
  assert.equal(readFileSync(file, "utf8"), good);
});
