#!/usr/bin/env node
import { existsSync } from "fs";
import { enableCompileCache } from "./compile-cache.js";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`feedctl needs Node.js 22.19 or newer; this is ${process.version}\n`);
  process.exit(2);
}
enableCompileCache();
let outputError;
process.stdout.on("error", (error) => {
  if (error.code === "EPIPE") process.exit(141); // the reader closed the pipe, as in `feedctl ... | head`
  outputError = error; // commands see it as well; help and version do not wait for their output
});
process.stderr.on("error", () => {}); // messages are lost, but the command must not stop half-way
const built = existsSync(new URL("../dist/main.js", import.meta.url));
const { main } = await import(built ? "../dist/main.js" : "../src/main.ts");
process.on("exit", () => {
  if (outputError === undefined || process.exitCode) return;
  process.stderr.write(`error: the output cannot be written: ${outputError.message}\n`);
  process.exitCode = 7;
});
await main(process);
