import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { detectType, HEAD, mayBeDetected } from "../../src/lib/detect-type.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const whole = (head: Buffer) => ({ head, size: head.length });
const OCTETS = "application/octet-stream";
const TEXT = "text/plain; charset=utf-8";

test("without a known extension the first bytes decide", async () => {
  const wanted: [string, Buffer, string][] = [
    ["PNG", bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + "\0".repeat(100)), "image/png"],
    ["JPEG", bytes("\xff\xd8\xff\xe0\0\x10JFIF\0"), "image/jpeg"],
    ["ZIP", bytes("PK\x03\x04"), "application/zip"],
    ["gzip", gzipSync("hello"), "application/gzip"],
    [
      "a Debian package, in the words of its ending",
      bytes("!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n\0"),
      "application/vnd.debian.binary-package",
    ],
    ["PDF", bytes("%PDF-1.7\n"), "application/pdf"],
    ["ELF", bytes(`\x7fELF\x02\x01\x01${"\0".repeat(60)}`), OCTETS],
    ["a Windows program", bytes(`MZ\x90\0${"\0".repeat(60)}`), OCTETS],
    ["UTF-8 text", Buffer.from("Grüße, 日本"), TEXT],
    ["text that begins like a bitmap", bytes("BMW is a car"), TEXT],
    ["Latin-1 text", bytes("Gr\xfc\xdfe"), OCTETS],
    ["text with a NUL", bytes("a\0b"), OCTETS],
    ["nothing", bytes(""), OCTETS],
  ];
  for (const [what, head, type] of wanted)
    for (const name of ["folder.html/README", "x.no-such-ending", "LICENSE", ".hidden"])
      assert.equal(await detectType(name, whole(head)), type, `${what} as ${name}`);
});

test("types that a browser would run are never detected from bytes", async () => {
  const script = "<script>alert(1)</script>";
  for (const text of [
    `<!DOCTYPE html>${script}`,
    `<html>${script}`,
    `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`,
    `<svg onload="alert(1)">`,
    `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`,
    "#!/usr/bin/env node\nalert(1)",
    "BEGIN:VCARD\r\nVERSION:3.0\r\n",
    "WEBVTT\n\n",
  ])
    assert.equal(await detectType("x", whole(Buffer.from(text))), TEXT, text);
  for (const text of [
    `\0<!DOCTYPE html>${script}`,
    `\xff<svg>${script}</svg>`,
    "FWS\x08\0\0\0\0\0\0\0\0\0\0\0\0",
    "CWS\x08\0\0\0\0\0\0\0\0\0\0\0\0",
  ])
    assert.equal(await detectType("x", whole(bytes(text))), OCTETS, text);
  const utf16 = Buffer.concat([bytes("\xff\xfe"), Buffer.from(`<?xml version="1.0"?><svg>${script}</svg>`, "utf16le")]);
  assert.equal(await detectType("x", whole(utf16)), OCTETS);
});

test("a known extension decides, whatever the bytes are", async () => {
  const png = bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
  assert.equal(await detectType("page.html", whole(png)), "text/html");
  assert.equal(await detectType("x.jpg", whole(Buffer.from("<html>"))), "image/jpeg");
  assert.equal(await detectType("tool.exe", whole(png)), OCTETS, "an ending that says: nothing in particular");
});

test("a character that the first bytes cut in two is allowed, except at the end of the file", async () => {
  const head = Buffer.concat([Buffer.alloc(HEAD - 1, "a"), Buffer.from("ü").subarray(0, 1)]);
  assert.equal(await detectType("x", { head, size: HEAD + 1 }), TEXT);
  assert.equal(await detectType("x", { head, size: HEAD }), OCTETS);
});

test("only types that may have been detected may be detected again", () => {
  for (const type of [OCTETS, TEXT, "image/png", "application/zip", "application/vnd.debian.binary-package"])
    assert.equal(mayBeDetected(type), true, type);
  for (const type of ["text/html", "text/plain", "image/svg+xml", "application/x-own", "application/xml"])
    assert.equal(mayBeDetected(type), false, type);
});
