import { sql } from "kysely";
import { FeedctlError } from "../../errors.ts";
import type { Db } from "../schema/core.ts";

/**
 * Rejects with `denied` when a role that this user has no reason to trust owns one of feedctl's schemas, a relation or
 * function in them, or the function of a trigger: its code would run with this user's rights. Trusted are the user
 * itself, roles that it has the rights of, superusers and the owner of the database. A superuser has the rights of all
 * roles, which says nothing about trust.
 */
export async function requireTrustedSchemas(db: Db): Promise<void> {
  const found = await sql<{ what: string; owner: string; user: string }>`
    with me as (select oid, rolsuper from pg_roles where rolname = current_user),
    trusted as (
      select r.oid from pg_roles r, me
      where r.rolsuper or r.oid = me.oid or r.rolname = session_user
        or (not me.rolsuper and pg_has_role(me.oid, r.oid, 'usage'))
      union select datdba from pg_database where datname = current_database()),
    ours as (select oid, nspname, nspowner from pg_namespace where nspname in ('feedctl', 'feedctl_jobs')),
    relations as (select c.*, nspname from pg_class c join ours on ours.oid = c.relnamespace),
    owned (what, owner) as (
      select format('schema %s', nspname), nspowner from ours
      union all select format('relation %s.%s', nspname, relname), relowner from relations
      union all select format('function %s.%s', nspname, proname), proowner from pg_proc join ours on ours.oid = pronamespace
      union all select format('trigger %s of %s.%s', tgname, nspname, relname), proowner
        from pg_trigger t join relations r on r.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid)
    select what, pg_get_userbyid(owner) as owner, current_user::text as user from owned
    where owner not in (select oid from trusted) limit 1`.execute(db);
  const [untrusted] = found.rows;
  if (untrusted === undefined) return;
  const { what, owner, user } = untrusted;
  throw new FeedctlError(
    "denied",
    `the catalog's ${what} belongs to role "${owner}", whose code would run as "${user}"`,
    { hint: `connect as "${owner}", let a superuser change the owner, or use another database` },
  );
}
