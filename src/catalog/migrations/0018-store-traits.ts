/**
 * What was found of a store's provider: the order of its listings, versions, locks, lifecycle rules. Null: not asked
 * yet.
 */
export const storeTraits = `
alter table feedctl.stores
  add column traits jsonb,
  add column traits_at timestamptz;
`;
