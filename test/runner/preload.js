// Loaded into every test process before its test file.
import asyncHooks from "node:async_hooks";

/** Ends a test process whose runner was killed: its parent is then another process. */
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000).unref();

// node:test follows every promise with a hook, to find the test around an uncaught error. That costs a fifth of the CPU
// time of a test process. What else it needs the hook for is which suite a test is declared in, so its suites and tests
// report themselves here, and promises do not. An uncaught error then fails the file instead of one test.
const { AsyncResource, createHook } = asyncHooks;
let testHook;

asyncHooks.createHook = (callbacks) => {
  asyncHooks.createHook = createHook; // only the first hook is that of node:test
  testHook = callbacks;
  const hook = { enable: () => hook, disable: () => hook };
  return hook;
};

asyncHooks.AsyncResource = class extends AsyncResource {
  constructor(type, options) {
    super(type, options);
    testHook?.init(this.asyncId(), type, this.triggerAsyncId(), this);
  }
};
