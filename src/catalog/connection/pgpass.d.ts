// The package has no types.
declare module "pgpass" {
  interface Server {
    host?: string | undefined;
    port?: number | undefined;
    database?: string | undefined;
    user?: string | undefined;
  }
  /** Calls back with the server's password in ~/.pgpass or PGPASSFILE; undefined when there is none. */
  export default function pgpass(server: Server, done: (password: string | undefined) => void): void;
}
