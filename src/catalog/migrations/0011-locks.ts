/**
 * Locks as rows, so that taking one needs rights, and so that a transaction can prove that a lock is still held. The
 * table is unlogged: after a crash of the server it is empty, as if all sessions had released their locks.
 */
export const locks = `
create unlogged table feedctl.locks (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  kind text not null,
  object_id bigint not null,
  mode text not null check (mode in ('shared', 'exclusive')),
  session bigint not null, -- the advisory lock that the holder's connection has as long as it lives
  pid int not null,
  role_id oid not null,
  taken_at timestamptz not null default pg_catalog.clock_timestamp()
);
create index locks_of_object on feedctl.locks (kind, object_id);

-- rows to lock for what has no row of its own
create table feedctl.mutexes (name text primary key);
insert into feedctl.mutexes (name) values ('places'), ('jobs');
`;
