/**
 * Names are ASCII and are folded as JavaScript folds them, whatever the locale of the database: in a Turkish one the
 * lower case of I is not i. A package is found by its name as written without reading the others of its feed.
 */
export const listings = `
drop index feedctl.feeds_name;
create unique index feeds_name on feedctl.feeds (lower(name collate "C"));
drop index feedctl.retention_rules_name;
create unique index retention_rules_name on feedctl.retention_rules (feed_id, lower(name collate "C"));
create index packages_name on feedctl.packages (feed_id, name);
drop index feedctl.asset_history_path;
create index asset_history_path on feedctl.asset_history (feed_id, path, file_id desc);
`;
