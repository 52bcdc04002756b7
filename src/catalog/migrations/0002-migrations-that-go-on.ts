/** Migrations that can be paused, shared by many workers, and rolled back. */
export const migrationsThatGoOn = `
alter table feedctl.migrations drop constraint migrations_state_check;
alter table feedctl.migrations add constraint migrations_state_check
  check (state in ('copying', 'paused', 'ready', 'switching', 'switched', 'retired', 'cancelled', 'rolled-back'));
drop index feedctl.migrations_copying;
create unique index migrations_open on feedctl.migrations (feed_id)
  where state in ('copying', 'paused', 'ready', 'switching');

alter table feedctl.migrations
  -- the migration that this one takes back
  add column reverses bigint references feedctl.migrations,
  -- how it is to be done, for whoever goes on with it: cutover, cached
  add column plan jsonb not null default '{}',
  -- what somebody asks of the process that runs it
  add column request text check (request in ('pause', 'cancel', 'cutover')),
  add column requested_by text,
  add column updated_at timestamptz,
  add column finished_at timestamptz,
  add column frozen_milliseconds bigint;

create table feedctl.migration_passes (
  migration_id bigint not null references feedctl.migrations,
  number integer not null,
  kind text not null check (kind in ('full', 'delta', 'last')),
  run_id bigint not null references feedctl.runs,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  finished_at timestamptz,
  -- what there was to look at when the pass began
  expected_blobs bigint not null,
  expected_bytes bigint not null,
  copied bigint not null default 0,
  verified bigint not null default 0,
  same bigint not null default 0,
  failed bigint not null default 0,
  stale bigint not null default 0,
  foreign_blobs bigint not null default 0,
  -- of the copied and the verified
  bytes bigint not null default 0,
  primary key (migration_id, number)
);

-- of the newest pass only
create table feedctl.migration_failures (
  migration_id bigint not null references feedctl.migrations,
  key text collate "C" not null,
  reason text not null,
  at timestamptz not null,
  primary key (migration_id, key)
);

-- the first pass, divided among workers; lower is excluded, upper included, null: to the end
create table feedctl.migration_ranges (
  migration_id bigint not null references feedctl.migrations,
  number integer not null,
  lower text collate "C" not null,
  upper text collate "C",
  -- everything up to here is done
  cursor text collate "C" not null,
  -- who works on it now; changes when another takes it over
  claim uuid,
  worker_id bigint,
  copied bigint not null default 0,
  verified bigint not null default 0,
  failed bigint not null default 0,
  bytes bigint not null default 0,
  updated_at timestamptz,
  finished_at timestamptz,
  primary key (migration_id, number)
) with (fillfactor = 50);

create table feedctl.workers (
  id bigint generated always as identity primary key,
  host text not null,
  pid integer not null,
  actor text not null,
  concurrency integer not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  stopped_at timestamptz
);

alter table feedctl.proofs
  -- the migration that put the blob there itself, rather than find it
  add column copied_by bigint references feedctl.migrations,
  -- a row of the catalog named it
  add column catalogued boolean not null default false;
`;
