import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface CuttingProxy {
  readonly port: number;
  /** Connections that were cut so far. */
  cuts(): number;
  stop(): Promise<void>;
}

/** A TCP proxy to a port of this machine that cuts a connection once it has carried `after` bytes back, `times` times. */
export async function startCuttingProxy(port: number, after: number, times: number): Promise<CuttingProxy> {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    let carried = 0;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (chunk: Buffer) => {
      carried += chunk.length;
      if (carried > after && cuts < times) {
        cuts++;
        near.end(chunk.subarray(0, Math.max(0, chunk.length - (carried - after))));
        far.destroy();
      } else if (!near.write(chunk)) {
        far.pause();
        near.once("drain", () => far.resume());
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
