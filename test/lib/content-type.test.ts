import assert from "node:assert/strict";
import { test } from "node:test";
import { contentTypeOf } from "../../src/lib/content-type.ts";

test("extensions give content types, with those of package feeds preferred", () => {
  const wanted = {
    "index.html": "text/html",
    "a/b/STYLE.CSS": "text/css",
    "app.js": "text/javascript",
    "data.json": "application/json",
    "photo.jpeg": "image/jpeg",
    "tool.exe": "application/octet-stream",
    "setup.msi": "application/octet-stream",
    "My.Lib.1.0.0.nupkg": "application/zip",
    "wheel-1.0-py3-none-any.whl": "application/zip",
    "lib.jar": "application/java-archive",
    "lib.pom": "application/xml",
    "x.deb": "application/vnd.debian.binary-package",
    "x.tgz": "application/gzip",
    "x.tar.zst": "application/zstd",
    "main.ts": "text/plain",
    "Install.ps1": "text/plain",
    "no.such-ending": "application/octet-stream",
  };
  for (const [name, type] of Object.entries(wanted)) assert.equal(contentTypeOf(name), type, name);
});

test("a name without an extension has no known type, whatever word it is", () => {
  for (const name of ["html", "folder.html/html", "README", ".html/x", "html."])
    assert.equal(contentTypeOf(name), "application/octet-stream", name);
});
