import { type Azurite, startAzurite } from "../support/azurite.ts";
import { makeEmbeddedTemplate } from "../support/embedded-template.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { programOf } from "../support/server-binaries.ts";
import { type S3Server, startS3 } from "../support/s3-server.ts";
import { shareServers, type SharedServers } from "../support/shared-servers.ts";
import { modulesOf } from "./files.ts";
import { ensureWeed, findOrInstallS3 } from "./install-s3.ts";

export interface RunServers extends AsyncDisposable {
  /** Which servers the tests use, one line each, with what could not be had. */
  lines: string[];
}

const helpers = {
  postgres: "test/support/postgres.ts",
  azurite: "test/support/azurite.ts",
  s3: "test/support/s3-server.ts",
  embedded: "test/support/embedded-template.ts",
  weed: "test/support/weed.ts",
};

/** Starts one server of each kind that the test files need, for all of them, and names them in the environment. */
export async function startServers(
  files: readonly string[],
  options: { emulator: boolean },
  say: (line: string) => void,
): Promise<RunServers> {
  const modules = new Set(files.flatMap((file) => [...modulesOf(file)]));
  const lines: string[] = [];
  const shared: SharedServers = {};
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => void (await Promise.all(started.map((server) => server.stop())));
  const add = <Server extends { stop(): Promise<void> }>(server: Server) => {
    started.push(server);
    return server;
  };
  try {
    if (modules.has(helpers.s3)) {
      const { server, line } = await openS3(options.emulator, say);
      shareS3(add(server), shared);
      lines.push(line);
    }
    if (modules.has(helpers.weed)) {
      const missing = ensureWeed(say);
      lines.push(
        missing === undefined ? "S3 in another order: SeaweedFS" : `SeaweedFS: ${missing}; its tests are skipped`,
      );
    }
    const [postgres, azurite] = await Promise.all([
      modules.has(helpers.postgres) ? startPostgres({ quiet: true }) : undefined,
      modules.has(helpers.azurite) ? startAzurite() : undefined,
    ]);
    if (modules.has(helpers.embedded)) shared.embedded = await makeEmbeddedTemplate();
    if (postgres !== undefined) lines.push(await sharePostgres(add(postgres), shared));
    if (azurite !== undefined) lines.push(shareAzurite(add(azurite), shared));
    if (modules.has(helpers.postgres) && shared.postgres === undefined)
      lines.push("PostgreSQL: not installed; its tests are skipped");
  } catch (error) {
    await stop();
    throw error;
  }
  shareServers(shared);
  for (const line of lines) say(`uses ${line}`);
  return { lines, [Symbol.asyncDispose]: stop };
}

async function openS3(emulator: boolean, say: (line: string) => void): Promise<{ server: S3Server; line: string }> {
  if (process.env["FEEDCTL_TEST_S3_ENDPOINT"]) {
    const server = await startS3();
    return { server, line: `S3: ${server.endpoint} (FEEDCTL_TEST_S3_ENDPOINT)` };
  }
  const useEmulator = async (reason: string) => {
    process.env["FEEDCTL_TEST_S3_EMULATOR"] = "1";
    return { server: await startS3(), line: `S3: the emulator fauxqs, which proves less than a server (${reason})` };
  };
  if (emulator || process.env["FEEDCTL_TEST_S3_EMULATOR"]) return useEmulator("as asked for");
  const { binary, missing } = findOrInstallS3(say);
  if (binary === undefined) return useEmulator(missing.join("; "));
  const named = process.env["FEEDCTL_TEST_S3_BINARY"];
  process.env["FEEDCTL_TEST_S3_BINARY"] = binary;
  try {
    const server = await startS3();
    const without = missing.length === 0 ? "" : `; ${missing.join("; ")}`;
    return { server, line: `S3: ${server.kind} (${binary}${without})` };
  } catch (error) {
    // The user's own choice must work; what this run found by itself need not.
    if (named) throw error;
    return useEmulator(`${programOf(binary)}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function shareS3({ kind, endpoint }: S3Server, shared: SharedServers): void {
  // An endpoint in the environment is found by every test file, with its keys.
  if (kind !== "given") shared.s3 = { kind, endpoint };
}

async function sharePostgres(server: TestPostgres, shared: SharedServers): Promise<string> {
  const template = await server.createTemplate();
  shared.postgres = { url: server.url, server: server.server, template };
  return server.server;
}

function shareAzurite({ connectionString, own }: Azurite, shared: SharedServers): string {
  if (own) shared.azurite = { connectionString };
  return own ? "Azure Blob: Azurite" : "Azure Blob: FEEDCTL_TEST_AZURE_CONNECTION_STRING";
}
