#!/usr/bin/env node
import { existsSync } from "fs";
import module from "module";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`feedctl needs Node.js 22.19 or newer; this is ${process.version}\n`);
  process.exit(2);
}
module.enableCompileCache();
let unwritten;
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(141); // the reader of the pipe left, as in `feedctl ... | head`
  unwritten = error; // whoever writes more than a help text hears of it, too
});
process.stderr.on("error", () => {}); // nobody listens any more, which is no reason to stop half-way
const built = existsSync(new URL("../dist/main.js", import.meta.url));
const { main } = await import(built ? "../dist/main.js" : "../src/main.ts");
process.on("exit", () => {
  if (unwritten === undefined || process.exitCode) return;
  process.stderr.write(`error: the output cannot be written: ${unwritten.message}\n`);
  process.exitCode = 7;
});
await main(process);
