/** A feed's files may lie at any key, so that the key alone does not keep a file from being recorded twice. */
export const oneFilePerIdentity = `
create unique index files_identity on feedctl.files (version_id, qualifier);
drop index feedctl.files_version;
`;
