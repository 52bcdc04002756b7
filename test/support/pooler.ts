import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Pooler extends AsyncDisposable {
  /** The server's database, through the pooler. */
  readonly url: string;
}

const SSL_REQUEST = 80_877_103;

/** A connection to the server, which clients get in turn. */
interface Backend {
  socket: Socket;
  /** Sends the server's answers there, and calls `idle` when no transaction is open. */
  answer(client: Socket, idle: () => void): void;
}

/**
 * A connection pooler before a PostgreSQL that trusts its users. As PgBouncer does, it reports a process id of its own to
 * clients, and gives each transaction, or each session, to the server connection that was used last. A client waits for one
 * when `size` are in use, or gets an error in the mode `impatient`; in the session modes they are not used again.
 */
export async function startPooler(
  url: string,
  mode: "session" | "transaction" | "impatient",
  size = Infinity,
): Promise<Pooler> {
  const { hostname, port } = new URL(url);
  const free: Backend[] = [];
  let used = 0;
  const waiting: (() => void)[] = [];
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };

  async function serve(client: Socket): Promise<void> {
    let startup: Buffer | undefined;
    let backend: Backend | undefined;
    for await (const chunk of client as AsyncIterable<Buffer>) {
      if (startup === undefined) {
        if (chunk.readInt32BE(4) === SSL_REQUEST) {
          client.write("N");
          continue;
        }
        startup = chunk;
        const greeting = [message("R", Buffer.alloc(4)), message("K", randomBytes(8)), message("Z", Buffer.from("I"))];
        client.write(Buffer.concat(greeting));
        continue;
      }
      if (chunk.toString("latin1", 0, 1) === "X") break;
      if (mode === "impatient" && backend === undefined && used >= size) {
        client.end(message("E", Buffer.from("SFATAL\0C08P01\0Mquery_wait_timeout\0\0")));
        break;
      }
      if (backend === undefined && free.length === 0 && used >= size)
        await new Promise<void>((resolve) => waiting.push(resolve));
      if (client.destroyed) break;
      const mine = (backend ??= free.pop() ?? (await openBackend(startup)));
      mine.answer(client, () => {
        if (mode !== "transaction") return;
        backend = undefined;
        free.push(mine);
      });
      mine.socket.write(chunk);
    }
    backend?.socket.destroy();
    if (!client.writableEnded) client.destroy();
  }

  async function openBackend(startup: Buffer): Promise<Backend> {
    used++;
    const socket = track(connect(Number(port), hostname));
    socket.on("close", () => {
      used--;
      waiting.shift()?.();
    });
    let rest = Buffer.alloc(0);
    let to: Socket | undefined;
    let idle = () => {};
    const backend: Backend = { socket, answer: (client, then) => void ([to, idle] = [client, then]) };
    const ready = new Promise<void>((resolve, reject) => {
      backend.answer(undefined as never, resolve);
      socket.on("close", () => reject(new Error("the server closed the connection")));
    });
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
        const end = 1 + rest.readInt32BE(1);
        const whole = rest.subarray(0, end);
        rest = rest.subarray(end);
        const isIdle = whole.toString("latin1", 0, 1) === "Z" && whole.toString("latin1", 5) === "I";
        // free before the client can ask again
        if (isIdle) idle();
        to?.write(whole);
      }
    });
    socket.write(startup);
    await ready;
    return backend;
  }

  const server = createServer((client) => void serve(track(client)).catch(() => client.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
