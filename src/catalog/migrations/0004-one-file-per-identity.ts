/** A feed's files may have any key, so a unique key alone does not prevent a file from being recorded twice. */
export const oneFilePerIdentity = `
create unique index files_identity on feedctl.files (version_id, qualifier);
drop index feedctl.files_version;
`;
