import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { sharedServers } from "./shared-servers.ts";

export interface Azurite {
  readonly connectionString: string;
  /** False when FEEDCTL_TEST_AZURE_CONNECTION_STRING names an account, or an emulator that we did not start. */
  readonly own: boolean;
  /** Creates a container and returns an SDK client for it, to store blobs that feedctl itself never would. */
  createContainer(name: string): Promise<ContainerClient>;
  /** Stops the emulator; on a shared one, deletes the containers that `createContainer` made. */
  stop(): Promise<void>;
}

/**
 * The Azurite that the test runner started, or the account that FEEDCTL_TEST_AZURE_CONNECTION_STRING names. Else starts
 * Azurite's blob service, in memory, with a random key, on a free port of the loopback interface. `own`: a server of its
 * own in any case, because a shared one becomes slow under thousands of blobs and large blocks.
 */
export async function startAzurite({ own = false } = {}): Promise<Azurite> {
  const given = process.env["FEEDCTL_TEST_AZURE_CONNECTION_STRING"];
  if (given !== undefined && given !== "") return describe(given, false);
  const shared = sharedServers().azurite;
  if (shared !== undefined && !own) return describe(shared.connectionString, true);
  const account = "feedctltest";
  const key = randomBytes(64).toString("base64");
  const child = spawnServer(account, key);
  const address = await untilListening(child);
  const connectionString = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=${address}/${account};`;
  return describe(connectionString, true, child);
}

function describe(connectionString: string, own: boolean, child?: ChildProcess): Azurite {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  const made: ContainerClient[] = [];
  return {
    connectionString,
    own,
    async createContainer(name) {
      const container = service.getContainerClient(name);
      await container.create();
      made.push(container);
      return container;
    },
    async stop() {
      if (child === undefined) {
        for (const container of made.splice(0)) await container.deleteIfExists();
        return;
      }
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.ref(); // the process must stay alive until the child has ended
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function spawnServer(account: string, key: string): ChildProcess {
  const main = createRequire(import.meta.url).resolve("azurite/dist/src/blob/main.js");
  // The IPC channel closes when this process ends, even when it is killed; then the server exits.
  const leash = `data:text/javascript,process.on("disconnect",()=>process.exit())`;
  const child = spawn(
    process.execPath,
    // The SDK uses a newer service version than Azurite accepts by default.
    [
      "--import",
      leash,
      main,
      "--blobPort",
      "0",
      "--silent",
      "--inMemoryPersistence",
      "--skipApiVersionCheck",
      "--disableTelemetry",
    ],
    {
      env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}`, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    },
  );
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

async function untilListening(child: ChildProcess): Promise<string> {
  const output = child.stdout!;
  const said: string[] = [];
  for await (const line of createInterface({ input: output })) {
    said.push(line);
    const address = /successfully listens on (http:\/\/\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    output.resume();
    // A test that forgets `stop` must not hang.
    (output as unknown as { unref?: () => void }).unref?.();
    child.channel?.unref();
    child.unref();
    return address;
  }
  throw new Error(`Azurite ended before it listened: ${said.join(" | ")}`);
}
