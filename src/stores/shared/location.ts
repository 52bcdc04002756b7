import { FeedctlError } from "../../errors.ts";
import type { StoreOptions } from "../descriptor.ts";
import { parseTargetPath } from "../key.ts";

/** The folders of a cloud's target path. */
export function prefixSegments(targetPath: string | undefined): string[] {
  return parseTargetPath(targetPath ?? "")
    .split("/")
    .slice(0, -1);
}

/** The configuration with `path` appended to its target path. */
export function belowTarget<Config extends { targetPath?: string | undefined }>(config: Config, path: string): Config {
  return { ...config, targetPath: [config.targetPath ?? "", path].join("/") };
}

/** Throws `usage` for an endpoint that contains a secret, because endpoints are saved and shown in plain text. */
/** Throws `usage` unless an endpoint that is given is the URL of a web service. */
export function requireServiceUrl(options: StoreOptions, property: string, flag: string): void {
  const text = options[property];
  if (typeof text !== "string" || text.trim() === "") return;
  const url = URL.parse(text.trim());
  if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "") return;
  throw new FeedctlError("usage", `--${flag} is not a URL that begins with https:// or http://`, {
    hint: `such as --${flag} https://storage.example.com`,
  });
}

export function refuseSecretUrl(options: StoreOptions, property: string, flag: string): void {
  const url = typeof options[property] === "string" ? URL.parse(options[property]) : null;
  if (url === null || url.username + url.password + url.search + url.hash === "") return;
  throw new FeedctlError("usage", `--${flag} must not hold credentials, a signature or a query`, {
    hint: "give secrets with their own options; a shared access signature belongs in --connection-string",
  });
}
