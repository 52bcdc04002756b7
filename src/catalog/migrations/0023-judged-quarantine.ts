/** What a saved plan does with each item, and what the decision about a package's versions rests on. */
export const judgedQuarantine = `
alter table feedctl.retention_items
  -- free: a hidden version whose days are over; restore: a hidden version that no rule selects any more; left: it
  -- changed since it was planned, and stays
  add column step text not null default 'delete' check (step in ('delete', 'free', 'restore', 'left')),
  -- a checksum of the versions of its package that the plan keeps, as far as their ids are at most seen_to; null for
  -- assets
  add column kept_sum numeric,
  add column seen_to bigint;
create index retention_items_item on feedctl.retention_items (run_id, item_id);
`;
