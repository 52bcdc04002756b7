import { execFileSync, spawnSync } from "node:child_process";

const IPROUTE2 = "ip";

/** A network namespace, which acts as a machine of its own on the network. */
export interface NetworkNamespace {
  /** Prefix of a command line that runs it there. */
  readonly enter: readonly string[];
  /** Disconnects it from the network, or connects it again. */
  connect(connected: boolean): void;
}

export interface Network {
  /** The address of this machine, as the others see it. */
  readonly host: string;
  readonly machines: readonly NetworkNamespace[];
  remove(): void;
}

/**
 * A network of Linux network namespaces. Returns a string with the reason when they cannot be created: another
 * operating system, or missing permissions.
 */
export function createNetwork(count: number): Network | string {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  const id = process.pid % 100_000;
  const bridge = `fcbr${id}`;
  const subnet = `10.${77 + (id % 100)}.${id % 250}`;
  const ip = (...words: string[]) => void execFileSync(IPROUTE2, words, { stdio: "pipe" });
  const names = Array.from({ length: count }, (_, index) => `fc${id}-${index}`);
  const remove = () => {
    process.removeListener("exit", remove);
    for (const name of names) spawnSync(IPROUTE2, ["netns", "del", name]);
    spawnSync(IPROUTE2, ["link", "del", bridge]);
  };
  process.once("exit", remove);
  try {
    ip("link", "add", bridge, "type", "bridge");
    ip("addr", "add", `${subnet}.1/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    const machines = names.map((name, index) => {
      const cable = `fcv${id}${index}`;
      ip("netns", "add", name);
      ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("link", "set", cable, "master", bridge, "up");
      ip("-n", name, "addr", "add", `${subnet}.${index + 2}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "link", "set", "eth0", "up");
      return {
        enter: [IPROUTE2, "netns", "exec", name],
        connect: (connected: boolean) => ip("link", "set", cable, connected ? "up" : "down"),
      };
    });
    return { host: `${subnet}.1`, machines, remove };
  } catch (error) {
    remove();
    return `no network namespaces here: ${(error as Error).message.trim().split("\n").at(-1) ?? ""}`;
  }
}
