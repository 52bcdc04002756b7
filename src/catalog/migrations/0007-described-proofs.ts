/** A proof tells what the blob was told to say of itself, and not only what its bytes are. */
export const describedProofs = `
-- of an asset's blob: as the expression \`described\` of files.ts had it; null: not known, or a package's file
alter table feedctl.proofs add column described text;
`;
