/** Imports that overwrite packages, and the results of drop path scans. */
export const overwritesAndDropPaths = `
-- the file row that is to stand for the new bytes, where a blob is about to be replaced: with it whoever finds the
-- announcement of a dead run can tell which bytes are there, and finish the replacement
alter table feedctl.pending_writes add column replacement jsonb;

-- files that a drop path could not take: left alone until they change
create table feedctl.drop_files (
  feed_id integer not null references feedctl.feeds on delete cascade,
  -- relative to the drop path
  path text collate "C" not null,
  size bigint not null,
  modified timestamptz not null,
  status text not null check (status in ('conflict', 'invalid', 'failed')),
  reason text not null,
  seen_at timestamptz not null,
  primary key (feed_id, path)
);

create table feedctl.drop_scans (
  feed_id integer primary key references feedctl.feeds on delete cascade,
  scanned_at timestamptz not null,
  imported integer not null,
  -- why the last scan could not be made at all
  problem text
);
`;
