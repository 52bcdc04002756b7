// For `node --import`: writes every module that is loaded to the file FEEDCTL_TEST_MODULES, a line each.
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env["FEEDCTL_TEST_MODULES"];
if (file === undefined) throw new Error("FEEDCTL_TEST_MODULES names no file");
registerHooks({
  load(url, context, nextLoad) {
    appendFileSync(file, `${url}\n`);
    return nextLoad(url, context);
  },
});
