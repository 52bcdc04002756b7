import { parseIntoClientConfig } from "pg-connection-string";
import { FeedctlError } from "../../errors.ts";
import { takeTls, type Environment, type Tls } from "./tls.ts";

/** A PostgreSQL server and how to connect to it. */
export interface ServerAddress {
  /** Configuration of node-postgres, without TLS. */
  config: ReturnType<typeof parseIntoClientConfig>;
  tls: Tls;
  /** For messages: without password and parameters. */
  location: string;
}

/** Parses the URL of a catalog. Throws `usage` when it is malformed; no message has parts of it but TLS parameters. */
export async function parseServerAddress(url: string, env: Environment): Promise<ServerAddress> {
  // the parser would take anything else for a database name, and errors would show it, password included
  if (!/^(postgres|postgresql|socket):|^\//i.test(url)) throw malformed(undefined);
  const [address, query] = splitQuery(url);
  const tls = await takeTls(query, env);
  try {
    const config = parseIntoClientConfig(query.size === 0 ? address : `${address}?${query.toString()}`);
    const port = config.port ?? 5432;
    if (!(port > 0 && port < 65_536)) throw new RangeError("port");
    // libpq: no TLS on a Unix socket, whatever the mode
    const onSocket = (config.host || env["PGHOST"] || "").startsWith("/");
    return { config, tls: onSocket ? { attempts: [false], negotiation: "postgres" } : tls, location: shown(address) };
  } catch (error) {
    throw malformed((error as Error).name);
  }
}

function splitQuery(url: string): [address: string, query: URLSearchParams] {
  const mark = url.indexOf("?");
  if (mark < 0) return [url, new URLSearchParams()];
  return [url.slice(0, mark), new URLSearchParams(url.slice(mark))];
}

function malformed(cause: unknown): FeedctlError {
  return new FeedctlError("usage", "the database URL cannot be read", {
    cause,
    hint: "its form is postgres://USER:PASSWORD@HOST:PORT/DATABASE",
  });
}

function shown(address: string): string {
  try {
    const parsed = new URL(address);
    parsed.password = "";
    return parsed.href;
  } catch {
    return "PostgreSQL";
  }
}
