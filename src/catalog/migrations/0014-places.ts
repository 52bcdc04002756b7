/**
 * Who the places belong to. The installation's row is inserted by its first use, never here: a catalog may be a copy of
 * a template. A store is marked when its marker was written: when, from which machine, and where it was then. Stores
 * from before have `probe`: the blobs that their rows name prove the place at the first write. A `pinned` store has its former default directory as
 * path, because a setting was changed with --migrate.
 */
export const places = `
create table feedctl.installation (
  only_row boolean primary key default true check (only_row),
  id uuid not null,
  default_root text,
  host text not null,
  created_at timestamptz not null
);
alter table feedctl.stores
  add column marked_at timestamptz,
  add column marked_host text,
  add column marked_location jsonb,
  add column probe boolean not null default false,
  add column pinned boolean not null default false;
update feedctl.stores set probe = true;
`;
