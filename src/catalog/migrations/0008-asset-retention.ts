/** Upload time, downloads and last use of assets, which retention needs. */
export const assetRetention = `
alter table feedctl.assets
  -- when its content came into the directory; modified_at is what its source told
  add column uploaded_at timestamptz,
  add column downloads bigint not null default 0,
  add column last_used_at timestamptz;
-- verified_at was set by overwrites, and by verifications too: at worst a file seems younger than it is
update feedctl.assets a set uploaded_at = coalesce(f.verified_at, f.created_at) from feedctl.files f where f.id = a.file_id;
alter table feedctl.assets alter column uploaded_at set not null;

-- a version, or a file of an asset directory
alter table feedctl.retention_items rename column version_id to item_id;
`;
