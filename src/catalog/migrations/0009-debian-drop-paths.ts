/** Distribution and component of Debian packages that come through a feed's drop path; null: the default. */
export const debianDropPaths = `
alter table feedctl.feeds
  add column drop_distribution text,
  add column drop_component text;
`;
