import { FeedctlError } from "../../errors.ts";

/**
 * The canonical host (with its port unless that is 80 or 443) and path (without trailing slashes) of an endpoint.
 * Throws `usage`; `what` names the endpoint in the message.
 */
export function parseEndpoint(endpoint: string, what: string): { host: string; hostname: string; path: string } {
  const text = endpoint.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(withScheme)) throw new FeedctlError("usage", `the ${what} is not a URL`);
  const url = new URL(withScheme);
  const bare = url.hostname.toLowerCase().replace(/\.$/, "");
  const hostname = isThisMachine(bare) ? "localhost" : bare;
  const port = ["", "80", "443"].includes(url.port) ? "" : `:${url.port}`;
  const path = url.pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "");
  return { host: hostname + port, hostname, path };
}

function isThisMachine(hostname: string): boolean {
  return (
    hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || hostname.startsWith("127.")
  );
}
