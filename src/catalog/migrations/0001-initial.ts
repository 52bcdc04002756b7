/** The first schema. Append-only: a later change is a new migration, never an edit of this one. */
export const initial = `
create table feedctl.settings (
  name text primary key,
  value text not null,
  updated_at timestamptz not null
);

-- ids come from an identity sequence and are therefore never reused
create table feedctl.feeds (
  id integer generated always as identity primary key,
  name text not null,
  type text not null,
  description text,
  drop_path text,
  active boolean not null default true,
  retention_rules_enabled boolean not null default true,
  deleting_at timestamptz,
  created_at timestamptz not null
);
create unique index feeds_name on feedctl.feeds (lower(name));

-- no foreign key to feeds: a deleted feed's stores stay known as long as files may lie in them
create table feedctl.stores (
  id integer generated always as identity primary key,
  feed_id integer not null,
  type text not null,
  options jsonb not null,
  -- where it is, without secrets, so that overlaps are found on a machine that cannot resolve them; null: the default directory
  location jsonb,
  role text not null check (role in ('current', 'target', 'previous')),
  created_at timestamptz not null,
  replaced_at timestamptz,
  retired_at timestamptz
);
create unique index stores_current on feedctl.stores (feed_id) where role = 'current';
create unique index stores_target on feedctl.stores (feed_id) where role = 'target';
create index stores_feed on feedctl.stores (feed_id);

create table feedctl.packages (
  id bigint generated always as identity primary key,
  feed_id integer not null references feedctl.feeds on delete cascade,
  group_name text collate "C" not null,
  name text collate "C" not null,
  name_key text collate "C" not null,
  unique (feed_id, group_name, name_key)
);

create table feedctl.versions (
  id bigint generated always as identity primary key,
  package_id bigint not null references feedctl.packages on delete cascade,
  version text not null,
  normalized_version text collate "C" not null,
  sort_key bytea not null,
  prerelease boolean not null,
  listed boolean not null default true,
  allowed boolean,
  deprecated boolean not null default false,
  deprecation_reason text,
  cached boolean not null default false,
  published_at timestamptz not null,
  published_by text not null,
  downloads bigint not null default 0,
  last_used_at timestamptz,
  metadata jsonb not null,
  unique (package_id, normalized_version)
);

create table feedctl.files (
  id bigint generated always as identity primary key,
  version_id bigint not null references feedctl.versions on delete cascade,
  feed_id integer not null references feedctl.feeds on delete cascade,
  qualifier text not null,
  key text collate "C" not null,
  size bigint not null,
  md5 bytea not null,
  sha1 bytea not null,
  sha256 bytea not null,
  sha512 bytea not null,
  content_type text not null,
  store_tag text,
  verified_at timestamptz,
  created_at timestamptz not null,
  unique (feed_id, key)
);
create index files_version on feedctl.files (version_id);

create table feedctl.runs (
  id bigint generated always as identity primary key,
  command text not null,
  feed_id integer,
  actor text not null,
  host text not null,
  pid integer not null,
  state text not null check (state in ('running', 'done', 'failed', 'interrupted')),
  started_at timestamptz not null,
  finished_at timestamptz,
  summary jsonb
);
create index runs_running on feedctl.runs (id) where state = 'running';

-- an intent to write a blob: whoever holds it may write the key; one of a dead run says that the blob may be unreferenced
create table feedctl.pending_writes (
  store_id integer not null,
  key text collate "C" not null,
  sha256 bytea not null,
  run_id bigint not null references feedctl.runs,
  created_at timestamptz not null,
  primary key (store_id, key)
);

create table feedctl.pending_deletes (
  store_id integer not null,
  key text collate "C" not null,
  run_id bigint not null references feedctl.runs,
  created_at timestamptz not null,
  primary key (store_id, key)
);

-- what was proven of a blob: while the store shows this tag, its bytes have this hash
create table feedctl.proofs (
  store_id integer not null references feedctl.stores,
  key text collate "C" not null,
  tag text not null,
  sha256 bytea not null,
  proven_at timestamptz not null,
  primary key (store_id, key)
);

create table feedctl.migrations (
  id bigint generated always as identity primary key,
  feed_id integer not null,
  from_store_id integer not null references feedctl.stores,
  to_store_id integer not null references feedctl.stores,
  state text not null check (state in ('copying', 'switched', 'retired', 'cancelled')),
  run_id bigint not null references feedctl.runs,
  started_at timestamptz not null,
  switched_at timestamptz,
  retired_at timestamptz,
  blobs bigint not null default 0,
  bytes bigint not null default 0
);
create unique index migrations_copying on feedctl.migrations (feed_id) where state = 'copying';

create table feedctl.audit_events (
  id bigint generated always as identity primary key,
  run_id bigint,
  at timestamptz not null,
  actor text not null,
  action text not null,
  feed_id integer,
  object text not null,
  detail jsonb
);
create index audit_events_feed on feedctl.audit_events (feed_id, id);
`;
