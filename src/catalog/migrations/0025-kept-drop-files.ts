/** A file of a drop path that the feed has stays while a file beside it needs it. It is not read again meanwhile. */
export const keptDropFiles = `
alter table feedctl.drop_files drop constraint drop_files_status_check;
alter table feedctl.drop_files add constraint drop_files_status_check
  check (status in ('conflict', 'invalid', 'failed', 'kept'));
`;
