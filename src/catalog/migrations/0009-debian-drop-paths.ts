/** What a Debian package does not say itself, for those that come through a feed's drop path; null: the default. */
export const debianDropPaths = `
alter table feedctl.feeds
  add column drop_distribution text,
  add column drop_component text;
`;
