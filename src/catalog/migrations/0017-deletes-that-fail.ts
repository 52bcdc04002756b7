/** A blob that a store does not delete, because of a lock on it or a missing permission, waits by itself. */
export const deletesThatFail = `
alter table feedctl.pending_deletes
  add column attempts integer not null default 0,
  add column reason text,
  add column next_try timestamptz;
`;
