/** Asset directories: files without versions, folders that may be empty, and earlier content. */
export const assets = `
alter table feedctl.files alter column version_id drop not null;

-- keep what is overwritten or deleted; of asset directories only
alter table feedctl.feeds add column versioning boolean not null default false;

create table feedctl.assets (
  file_id bigint primary key references feedctl.files on delete cascade,
  created_at timestamptz not null,
  -- of the content, as its source told
  modified_at timestamptz not null,
  uploaded_by text not null,
  -- the whole header; null: as the nearest folder has it, empty: none
  cache_control text,
  -- name -> { value, header }
  metadata jsonb not null default '{}'
);

-- every folder that files lie in has a row, and so has every empty one; the path '' is the directory itself
create table feedctl.asset_folders (
  feed_id integer not null references feedctl.feeds on delete cascade,
  path text collate "C" not null,
  created_at timestamptz not null,
  cache_control text,
  metadata jsonb not null default '{}',
  primary key (feed_id, path)
);
create index asset_folders_cache on feedctl.asset_folders (feed_id) where cache_control is not null;

-- content that was overwritten or deleted, as a file under a reserved name
create table feedctl.asset_history (
  file_id bigint primary key references feedctl.files on delete cascade,
  feed_id integer not null references feedctl.feeds on delete cascade,
  path text collate "C" not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  uploaded_by text not null,
  reason text not null check (reason in ('overwritten', 'deleted')),
  kept_at timestamptz not null,
  kept_by text not null
);
create index asset_history_path on feedctl.asset_history (feed_id, path);
`;
