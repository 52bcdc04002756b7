import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from "kysely";
import { translateCatalogError } from "./errors.ts";

/**
 * Wraps a dialect so that its errors are translated. With `serial`, its only connection goes to one caller at a time:
 * Kysely's PGlite driver gives all callers the same connection, so a query beside a transaction would run inside it.
 */
export function wrapDialect(dialect: Dialect, serial: boolean): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver: () => wrapDriver(dialect.createDriver(), serial),
  };
}

interface LentConnection extends DatabaseConnection {
  readonly inner: DatabaseConnection;
  readonly giveBack: () => void;
}

function wrapDriver(driver: Driver, serial: boolean): Driver {
  let queue: Promise<void> = Promise.resolve();
  const inner = (connection: DatabaseConnection) => (connection as LentConnection).inner;

  const wrapped: Driver = {
    init: (options) => translated(driver.init(options)),
    async acquireConnection(options) {
      let giveBack = () => {};
      if (serial) {
        const before = queue;
        queue = new Promise((resolve) => (giveBack = resolve));
        await before;
      }
      try {
        const connection = await translated(driver.acquireConnection(options), { connecting: true });
        const lent: LentConnection = {
          inner: connection,
          giveBack,
          executeQuery: <R>(query: CompiledQuery): Promise<QueryResult<R>> =>
            translated(connection.executeQuery<R>(query)),
          streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
        };
        return lent;
      } catch (error) {
        giveBack();
        throw error;
      }
    },
    async releaseConnection(connection, options) {
      try {
        await driver.releaseConnection(inner(connection), options);
      } finally {
        (connection as LentConnection).giveBack();
      }
    },
    beginTransaction: (connection, settings) => translated(driver.beginTransaction(inner(connection), settings)),
    commitTransaction: (connection) => translated(driver.commitTransaction(inner(connection))),
    async rollbackTransaction(connection) {
      try {
        await driver.rollbackTransaction(inner(connection));
      } catch (error) {
        // The server rolls back when the connection ends, and the driver discards the connection. Thrown, this error
        // would hide the one that caused the rollback. The only connection of `serial` cannot be discarded.
        if (serial) throw translateCatalogError(error);
      }
    },
    destroy: (options) => driver.destroy(options),
  };
  return wrapped;
}

async function translated<T>(promise: Promise<T>, from?: { connecting: boolean }): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw translateCatalogError(error, from);
  }
}
