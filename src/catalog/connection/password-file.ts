import { registerSecrets } from "../../lib/text/redact.ts";
import pgpass from "pgpass";

type Server = Parameters<typeof pgpass>[0];

/**
 * Returns the password for a server from ~/.pgpass or PGPASSFILE, undefined when there is none. node-postgres reads the
 * same file by itself, but then prints a deprecation warning in every run.
 */
export function readPassword(server: Server): Promise<string | undefined> {
  return new Promise((resolve) => {
    pgpass(server, (password: string | undefined) => {
      registerSecrets(password);
      resolve(password);
    });
  });
}
