import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { getCACertificates, type ConnectionOptions } from "node:tls";
import { FeedctlError } from "../../errors.ts";
import { inWords } from "../../lib/text/in-words.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** TLS options of one attempt to connect; false for a connection without TLS. */
export type TlsAttempt = ConnectionOptions | false;

export interface Tls {
  /** Tried one after the other, until the server accepts one. */
  attempts: readonly TlsAttempt[];
  /** `direct`: TLS from the first byte, without asking the server. */
  negotiation: "postgres" | "direct";
}

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type Mode = (typeof modes)[number];

/** The parameters that are used, each with the variable that libpq reads when it is missing. */
const parameters = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  sslnegotiation: "PGSSLNEGOTIATION",
  sslpassword: undefined,
} as const;
type Parameter = keyof typeof parameters;

/** They change nothing here: node-postgres's own switch, a default, and what no server offers any more. */
const ignored = new Set(["uselibpqcompat", "sslsni", "sslcompression"]);

/** The value of sslrootcert that selects the certificate authorities of the operating system. */
const SYSTEM = "system";

/**
 * Removes the TLS parameters from the URL's query, and returns what they mean to libpq
 * (https://www.postgresql.org/docs/current/libpq-ssl.html). One difference: `verify-full` without a root certificate
 * uses the certificate authorities of Node, where libpq fails. Throws `usage` for values and parameters that are
 * unknown, and for files that cannot be read.
 */
export async function takeTls(query: URLSearchParams, env: Environment): Promise<Tls> {
  const value = (name: Parameter) => {
    const variable = parameters[name];
    return query.get(name) || (variable === undefined ? undefined : env[variable]) || undefined;
  };
  const rootCertificate = value("sslrootcert");
  const mode = modeOf(query.get("ssl"), value("sslmode") ?? (rootCertificate === SYSTEM ? "verify-full" : undefined));
  const negotiation = value("sslnegotiation") ?? "postgres";
  const files = { cert: value("sslcert"), key: value("sslkey"), passphrase: value("sslpassword") };
  removeParameters(query);
  if (negotiation !== "postgres" && negotiation !== "direct")
    throw unusable(`the sslnegotiation "${negotiation}"`, "known are postgres and direct");
  if (negotiation === "direct" && (mode === "disable" || mode === "allow" || mode === "prefer"))
    throw unusable(`sslnegotiation=direct with sslmode=${mode}`, "direct needs sslmode=require or a stricter one");
  if (mode === "disable") return { attempts: [false], negotiation };
  const encrypted = { ...(await verification(mode, rootCertificate, env)), ...(await ownCertificate(files, env)) };
  const attempts = { allow: [false, encrypted], prefer: [encrypted, false] } as Partial<Record<Mode, TlsAttempt[]>>;
  return { attempts: attempts[mode] ?? [encrypted], negotiation };
}

function modeOf(ssl: string | null, sslmode: string | undefined): Mode {
  // as in libpq, for URLs that were written for JDBC
  if (ssl !== null && !["true", "1", "false", "0"].includes(ssl))
    throw unusable(`the value "${ssl}" of ssl`, "use sslmode instead");
  const fromSsl = ssl === null ? undefined : ssl === "true" || ssl === "1" ? "require" : "disable";
  const wanted = sslmode ?? fromSsl ?? "prefer";
  const mode = modes.find((each) => each === wanted);
  if (mode === undefined) throw unusable(`the sslmode "${wanted}"`, `known are ${inWords(modes)}`);
  return mode;
}

function removeParameters(query: URLSearchParams): void {
  for (const name of new Set(query.keys())) {
    if (!name.startsWith("ssl") && !ignored.has(name)) continue;
    if (name !== "ssl" && !(name in parameters) && !ignored.has(name))
      throw unusable(`the parameter ${name}`, `known are ${inWords(Object.keys(parameters))}`);
    query.delete(name);
  }
}

/** How the server's certificate is checked. */
async function verification(
  mode: Exclude<Mode, "disable">,
  rootCertificate: string | undefined,
  env: Environment,
): Promise<ConnectionOptions> {
  if (rootCertificate === SYSTEM) {
    if (mode !== "verify-full")
      throw unusable(`sslrootcert=system with sslmode=${mode}`, "anybody can have such a certificate: use verify-full");
    return { ca: [...getCACertificates("default"), ...getCACertificates("system")] };
  }
  const ca = await readPem("sslrootcert", rootCertificate, "root.crt", env);
  if (mode === "verify-full") return ca === undefined ? {} : { ca };
  if (mode === "verify-ca" && ca === undefined)
    throw unusable(
      "sslmode=verify-ca without sslrootcert",
      "name the file of the certificate authority, or use verify-full",
    );
  // libpq: with a root certificate, `require` is `verify-ca`
  if (ca !== undefined && (mode === "verify-ca" || mode === "require"))
    return { ca, checkServerIdentity: () => undefined };
  return { rejectUnauthorized: false };
}

/** The certificate with which feedctl logs in, if there is one. */
async function ownCertificate(
  files: { cert: string | undefined; key: string | undefined; passphrase: string | undefined },
  env: Environment,
): Promise<ConnectionOptions> {
  const cert = await readPem("sslcert", files.cert, "postgresql.crt", env);
  if (cert === undefined) return {};
  const key = await readPem("sslkey", files.key, "postgresql.key", env);
  return { cert, key, ...(files.passphrase !== undefined && { passphrase: files.passphrase }) };
}

/** Reads the file that was named, or the one at libpq's default place, which may be missing. */
async function readPem(
  parameter: Parameter,
  path: string | undefined,
  byDefault: string,
  env: Environment,
): Promise<string | undefined> {
  const folder = env["APPDATA"] ? join(env["APPDATA"], "postgresql") : join(env["HOME"] || homedir(), ".postgresql");
  try {
    return await readFile(path ?? join(folder, byDefault), "utf8");
  } catch (error) {
    if (path === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(`the file of ${parameter}`, (error as Error).message, error);
  }
}

function unusable(what: string, hint: string, cause?: unknown): FeedctlError {
  return new FeedctlError("usage", `the database URL cannot be used: ${what}`, { hint, cause });
}
