import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface SlowProxy {
  readonly endpoint: string;
  readonly port: number;
  /** Milliseconds by which data from a client is delayed. Can be changed at any time. */
  delay: number;
  /** While true, all connections are closed, as if the server were down. */
  down: boolean;
  stop(): Promise<void>;
}

/** Node 24 does not close a socket that is reset while it is shut down, and then never ends: it spins at its exit. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A TCP proxy that simulates a distant server, or one that is down. It changes no bytes, so signatures stay valid. */
export async function startSlowProxy(to: string, delay = 0, host = "127.0.0.1"): Promise<SlowProxy> {
  const { port, protocol } = new URL(to);
  const open = new Set<Socket>();
  let down = false;
  const server = createServer((near) => {
    if (down) return reset(near);
    const far = connect(Number(port), "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
    }
    far.pipe(near);
    near.on("data", (chunk: Buffer) => {
      if (proxy.delay === 0) far.write(chunk);
      // timers with equal delays fire in order
      else setTimeout(() => far.destroyed || far.write(chunk), proxy.delay);
    });
  });
  await once(server.listen(0, host), "listening");
  const address = server.address() as AddressInfo;
  const proxy: SlowProxy = {
    endpoint: `${protocol}//${host}:${address.port}`,
    port: address.port,
    delay,
    get down() {
      return down;
    },
    set down(value) {
      down = value;
      if (down) for (const socket of open) reset(socket);
    },
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
