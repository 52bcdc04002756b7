/** Which time the counted logs cover, and logs that could not be counted. */
export const logCoverage = `
alter table feedctl.usage_imports
  -- unknown for logs that were counted before this migration
  add column first_at timestamptz,
  add column last_at timestamptz,
  add column lines bigint not null default 0,
  add column unreadable bigint not null default 0,
  -- what preceded the keys in its requests
  add column prefix text,
  -- false: it had no download of a file of the feed, so it is read again, in case the prefix was wrong
  add column matched boolean not null default true;

-- logs of which too many lines were not understood: what they say of use is not known
create table feedctl.usage_rejects (
  feed_id integer not null references feedctl.feeds on delete cascade,
  name text not null,
  -- SHA-256 of the first line, which finds the log again when it was renamed
  head bytea not null,
  lines bigint not null,
  unreadable bigint not null,
  -- the newest line that was understood, or the last change of the file
  last_at timestamptz not null,
  seen_at timestamptz not null,
  primary key (feed_id, name)
);
`;
