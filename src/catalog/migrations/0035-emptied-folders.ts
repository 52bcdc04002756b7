/** Folders of drop paths that a scan is emptying. When it dies before it deletes them, the next scan does. */
export const emptiedFolders = `
create table feedctl.drop_folders (
  feed_id integer not null references feedctl.feeds on delete cascade,
  path text not null,
  identity text not null,
  noted_at timestamptz not null,
  primary key (feed_id, path)
);
`;
