/**
 * The seal of a store proves that feedctl saved the row: its options, place and feed. A row from before has none. It is
 * listed here as it is at this moment, and sealed by the next command that has the key. A row without a seal that is not
 * listed, or that has changed since, was not saved by feedctl.
 */
export const sealedStores = `
alter table feedctl.stores add column seal text;
create table feedctl.unsealed_stores (
  store_id int primary key,
  digest text not null
);
insert into feedctl.unsealed_stores (store_id, digest)
select id, encode(sha256(convert_to(jsonb_build_array(feed_id, type, options, location)::text, 'UTF8')), 'hex')
from feedctl.stores;
`;
