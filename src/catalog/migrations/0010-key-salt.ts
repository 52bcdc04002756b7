/** The salt with which keys are derived from a passphrase: one row. A guess against one catalog helps with no other. */
export const keySalt = `
create table feedctl.key_salt (
  id int primary key default 1 check (id = 1),
  salt text not null,
  created_at timestamptz not null default now()
);
`;
