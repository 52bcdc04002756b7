/**
 * When a feed leaves a store, the tags of its blobs are kept there, although nobody reads the blobs any more. A migration
 * back reads them first. Open migrations read again what they did not copy. A migration whose run ended early keeps the reason.
 */
export const leftMigrations = `
alter table feedctl.proofs add column unread boolean not null default false;
update feedctl.proofs p set unread = true from feedctl.stores s
  where s.id = p.store_id and (s.role = 'previous' or (s.role = 'target' and p.copied_by is null));
alter table feedctl.migrations add column problem text;
`;
