import assert from "node:assert/strict";
import pg from "pg";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import { openJobs } from "../../../src/catalog/migration/worker-jobs.ts";
import { onDatabases } from "../../support/databases.ts";

onDatabases("the job queue of migrations", ["PostgreSQL"], (database) => {
  database.test("a worker that finds the queue dropped has nothing to do", async (_t, place) => {
    await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"]!);
    const errors: Error[] = [];
    await using jobs = await openJobs(catalog, (error) => errors.push(error));
    await jobs.open(1);
    await jobs.publish(1, [7]);
    const job = await jobs.take(1);
    assert.equal(job?.number, 7);
    assert.equal(await jobs.take(1), undefined, "one worker has it");
    await jobs.drop(1);
    await job.touch();
    await job.complete();
    await job.giveBack();
    assert.equal(await jobs.take(1), undefined);
    assert.deepEqual(errors, []);
  });

  database.test("cannot be held up by a role that knows the numbers of its locks", async (_t, place) => {
    const url = place.env["FEEDCTL_DATABASE_URL"]!;
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      for (const key of ["", "create-queue", "delete-queue"])
        await client.query(
          `select pg_advisory_lock(('x' || encode(sha224((current_database() || '.pgboss.feedctl_jobs${key}')::bytea), 'hex'))::bit(64)::bigint)`,
        );
      await using catalog = await openPostgres(url);
      await using jobs = await openJobs(catalog, () => {});
      await jobs.open(1);
      await jobs.publish(1, [7]);
      assert.equal((await jobs.take(1))?.number, 7);
      await jobs.drop(1);
    } finally {
      await client.end();
    }
  });
});
