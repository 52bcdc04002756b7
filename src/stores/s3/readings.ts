// How servers and the proxies before them read a request whose signature they check. S3 signs the path as it is sent,
// with every byte escaped except unreserved ones. Some decode the path and escape it again in their own way, so that
// the signatures of names with certain characters do not match. The request itself is always sent as S3 documents it:
// only what is signed changes, and the server proves by accepting it that it reads the request so.

import type { UnsignedRequest } from "./sign.ts";

export interface Reading {
  /** The path that is signed, from the path that is sent. */
  path(sent: string): string;
  /** Headers, in lower case, that are sent and not signed. */
  unsigned?: readonly string[];
}

/** As S3 documents it. */
export const PLAIN: Reading = { path: (sent) => sent };

const READINGS: readonly Reading[] = [
  // what Java's URI class, Jetty and nginx leave as it is
  { path: (sent) => unescape(sent, "!$&'()*+,;=:@") },
  // Go's net/url
  { path: (sent) => unescape(sent, "$&+,;=:@") },
  // encoders of forms
  { path: (sent) => sent.replaceAll("~", "%7E") },
  // Signature Version 4 of all other services escapes twice
  { path: (sent) => sent.replaceAll("%", "%25") },
  { path: decodeURIComponent },
  // Jetty caches common headers, and spells `charset=utf-8` as the first request did
  { path: (sent) => sent, unsigned: ["content-type"] },
];

/** The readings that sign such a request differently, in the order in which they are tried. The first is `first`. */
export function readingsOf(
  path: string,
  headers: Readonly<Record<string, string>>,
  first: Reading = PLAIN,
): readonly Reading[] {
  const differs = ({ path: read, unsigned = [] }: Reading) =>
    read(path) !== path || unsigned.some((name) => headers[name] !== undefined);
  return [...new Set([...(differs(first) ? [first] : []), PLAIN, ...READINGS.filter(differs)])];
}

/** Signs a request as a server reads it; `sign` returns all headers to send. */
export function signAs(
  { path: read, unsigned = [] }: Reading,
  request: UnsignedRequest,
  sign: (request: UnsignedRequest) => Record<string, string>,
): Record<string, string> {
  const path = read(request.path);
  if (unsigned.length === 0) return sign(path === request.path ? request : { ...request, path });
  const all = Object.entries(request.headers);
  const headers = Object.fromEntries(all.filter(([name]) => !unsigned.includes(name)));
  return Object.assign(
    sign({ ...request, path, headers }),
    Object.fromEntries(all.filter(([name]) => unsigned.includes(name))),
  );
}

function unescape(path: string, characters: string): string {
  return path.replace(/%([0-9A-F]{2})/g, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return characters.includes(character) ? character : escaped;
  });
}
