/** A proof covers the properties that the blob carries, and not only its bytes. */
export const describedProofs = `
-- of an asset's blob: as the expression \`described\` of files.ts had it; null: not known, or a package's file
alter table feedctl.proofs add column described text;
`;
