// The main job on the embedded defaults, with real packages and real servers: run by bin/quickstart.js.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAzurite } from "./support/azurite.ts";
import { startS3 } from "./support/s3-server.ts";

const root = join(import.meta.dirname, "..");
const home = mkdtempSync(join(tmpdir(), "feedctl-quickstart-"));
const color = process.stdout.isTTY && !process.env["NO_COLOR"];
const bold = (text: string) => (color ? `\u001b[1m${text}\u001b[22m` : text);
const dim = (text: string) => (color ? `\u001b[2m${text}\u001b[22m` : text);
const started = performance.now();

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Shows a command as a user would type it, runs it, shows what it says; any failure ends the quickstart. */
async function feedctl(...args: string[]): Promise<void> {
  const shown = args.map((arg) => (/^[\w./:@%+=,*~-]+$/.test(arg) ? arg : `'${arg}'`)).join(" ");
  say(`${dim("$")} ${bold(`feedctl ${shown}`)}`);
  const child = spawn(process.execPath, [join(root, "bin/feedctl.js"), ...args], {
    env,
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  const outputs = await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => Buffer.concat(await stream.toArray()).toString()),
  );
  for (const line of outputs.join("").trimEnd().split("\n")) if (line !== "") say(`  ${line}`);
  const [status] = await ended;
  if (status !== 0) throw new Error(`feedctl ${args[0]} ended with status ${status}`);
}

/** Packs the project's own dependencies as npm would publish them, so that the input is real. */
function packDependencies(directory: string): number {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const names = Object.keys(dependencies).map((name) => join(root, "node_modules", name));
  const npm = process.env["npm_execpath"];
  const [command, before] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
  execFileSync(
    command,
    [...before, "pack", "--silent", "--ignore-scripts", "--pack-destination", directory, ...names],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return names.length;
}

const env: NodeJS.ProcessEnv = {
  ...process.env,
  FEEDCTL_DATA_DIR: join(home, "data"),
  FEEDCTL_CONFIG: undefined,
  FEEDCTL_DATABASE_URL: undefined,
  NO_COLOR: "1",
};
const packages = mkdtempSync(join(home, "packages-"));
const s3 = await startS3();
const azurite = await startAzurite();
try {
  await s3.createBucket("quickstart");
  await azurite.createContainer("quickstart");
  Object.assign(env, {
    S3_ACCESS_KEY: s3.accessKey,
    S3_SECRET_KEY: s3.secretKey,
    AZURE_STORAGE: azurite.connectionString,
  });

  say(`\n${bold("1. A feed on disk")}, in the embedded catalog: nothing to set up`);
  await feedctl("feed", "create", "internal", "--type", "npm", "--description", "our own packages");
  say(`\n${bold("2. Import")} ${packDependencies(packages)} real packages: feedctl's own dependencies, packed by npm`);
  await feedctl("import", "internal", packages);
  await feedctl("verify", "internal", "--read");

  say(`\n${bold("3. Move it to S3")} (a local server, ${s3.kind}); rows and old files stay as they are`);
  const where = [
    "--bucket",
    "quickstart",
    "--region",
    s3.region,
    "--endpoint",
    s3.endpoint,
    "--path-style",
    "--target-path",
    "feeds/internal",
  ];
  await feedctl(
    "migrate",
    "run",
    "internal",
    "--to",
    "s3",
    ...where,
    "--access-key",
    "env:S3_ACCESS_KEY",
    "--secret-key",
    "env:S3_SECRET_KEY",
  );
  await feedctl("store", "test", "internal");
  await feedctl("verify", "internal", "--read");

  say(`\n${bold("4. Move it on to Azure")} (Azurite), then delete what was left on S3`);
  await feedctl(
    "migrate",
    "run",
    "internal",
    "--to",
    "azure",
    "--container",
    "quickstart",
    "--connection-string",
    "env:AZURE_STORAGE",
  );
  await feedctl("verify", "internal", "--read");
  await feedctl("migrate", "retire", "internal", "--yes");

  say(`\n${bold("5. Nothing was lost")}`);
  await feedctl("package", "list", "internal");
  await feedctl("feed", "show", "internal");
  say(
    `\nDone in ${((performance.now() - started) / 1000).toFixed(0)} s. Nothing is left running, and nothing of this was kept.`,
  );
  say("Next, with a catalog and a store of your own in ~/.local/share/feedctl:");
  say(`  ${bold("npx feedctl feed create internal --type npm")}`);
  say(`  ${bold("npx feedctl import internal PATH...")}`);
  say(`  ${bold("npx feedctl --help")}`);
} catch (error) {
  say(`\nThe quickstart failed: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await s3.stop();
  await azurite.stop();
  rmSync(home, { recursive: true, force: true });
}
