/**
 * When a rejected file of a drop path was last changed in any way. A writer that fills a file in place and keeps its
 * time leaves size and modification time as they were. Null: recorded before this migration.
 */
export const changedDropFiles = `
alter table feedctl.drop_files add column changed timestamptz;
`;
