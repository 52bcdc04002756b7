/** What each log gave, so that it can be taken back. */
export const countsPerLog = `
create sequence feedctl.usage_imports_id;
alter table feedctl.usage_imports
  add column id bigint not null default nextval('feedctl.usage_imports_id') unique,
  -- false: a part of it was counted before this migration, which nobody can tell from the rest
  add column separable boolean not null default false;
alter sequence feedctl.usage_imports_id owned by feedctl.usage_imports.id;

create table feedctl.usage_counts (
  -- null: everything that was counted before this migration
  import_id bigint references feedctl.usage_imports (id) on delete cascade deferrable initially deferred,
  version_id bigint references feedctl.versions on delete cascade,
  file_id bigint references feedctl.assets (file_id) on delete cascade,
  downloads bigint not null,
  last_at timestamptz not null,
  check (num_nonnulls(version_id, file_id) = 1)
);
insert into feedctl.usage_counts (version_id, downloads, last_at)
  select id, downloads, last_used_at from feedctl.versions where last_used_at is not null;
insert into feedctl.usage_counts (file_id, downloads, last_at)
  select file_id, downloads, last_used_at from feedctl.assets where last_used_at is not null;
create unique index usage_counts_version on feedctl.usage_counts (version_id, import_id) where version_id is not null;
create unique index usage_counts_file on feedctl.usage_counts (file_id, import_id) where file_id is not null;
create index usage_counts_import on feedctl.usage_counts (import_id);
`;
