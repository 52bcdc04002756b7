import { registerSecrets, registerUrl } from "../../lib/text/redact.ts";
import type { Io } from "./io.ts";

/** What feedctl, the SDKs and node-postgres read as a secret. */
const secrets = [
  "FEEDCTL_KEY",
  "PGPASSWORD",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AZURE_STORAGE_CONNECTION_STRING",
  "AZURE_CLIENT_SECRET",
  "AZURE_CLIENT_CERTIFICATE_PASSWORD",
  "AZURE_PASSWORD",
  "IDENTITY_HEADER",
  "MSI_SECRET",
];

/** URLs that may hold a password and are shown without it. */
const urls = ["FEEDCTL_DATABASE_URL", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"];

/** Registers the secrets of the environment before any library reads them. Those of references follow with their use. */
export function registerEnvironment(env: Io["env"]): void {
  registerSecrets(...secrets.map((name) => env[name]));
  for (const name of urls) registerUrl(env[name]);
}
