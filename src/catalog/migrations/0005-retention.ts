/** Retention rules, protections, quarantine, saved plans, and counted usage logs. */
export const retention = `
create table feedctl.retention_rules (
  id bigint generated always as identity primary key,
  feed_id integer not null references feedctl.feeds on delete cascade,
  -- from 1, without gaps: the order in which they run
  position integer not null,
  -- null: it is called by its position
  name text,
  enabled boolean not null default true,
  -- what its criteria keep is kept from every other rule too
  protect_across_rules boolean not null default false,
  criteria jsonb not null,
  unique (feed_id, position) deferrable initially deferred
);
create unique index retention_rules_name on feedctl.retention_rules (feed_id, lower(name));

-- patterns, so that a version imported later, or again, is protected as well
create table feedctl.protections (
  id bigint generated always as identity primary key,
  feed_id integer not null references feedctl.feeds on delete cascade,
  package text not null,
  version text not null,
  reason text,
  created_at timestamptz not null,
  created_by text not null,
  unique (feed_id, package, version)
);

alter table feedctl.versions
  -- hidden by retention since then, and to be deleted when the time is over
  add column quarantined_at timestamptz,
  add column quarantined_until timestamptz,
  add column quarantine_run bigint,
  -- the rule and its reason, as the plan named them
  add column quarantine_detail jsonb;
create index versions_quarantined on feedctl.versions (package_id) where quarantined_at is not null;

-- what a run is about to take, in its order; rows go as they are dealt with, and with the run
create table feedctl.retention_items (
  run_id bigint not null references feedctl.runs,
  number bigint not null,
  version_id bigint not null,
  -- position of the rule
  rule integer not null,
  -- of the version among those that the rule selects in its package or line, newest first
  place bigint,
  -- what the quota counted when the version was reached
  bytes_before numeric,
  count_before bigint,
  -- the version as it was planned: xmin changes with every change of its row
  row_version text not null,
  bytes bigint not null,
  files integer not null,
  primary key (run_id, number)
);

-- which logs, and how much of each, were counted
create table feedctl.usage_imports (
  feed_id integer not null references feedctl.feeds on delete cascade,
  -- of all bytes counted so far, unpacked: a log that has grown begins with them
  sha256 bytea not null,
  -- of the first line
  head bytea not null,
  bytes bigint not null,
  name text not null,
  imported_at timestamptz not null,
  primary key (feed_id, sha256)
);
create index usage_imports_head on feedctl.usage_imports (feed_id, head);
`;
