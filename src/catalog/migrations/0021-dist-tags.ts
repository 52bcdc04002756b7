/** Names for versions of npm packages. `latest` has a row only if somebody set it. */
export const distTags = `
create table feedctl.dist_tags (
  package_id bigint not null references feedctl.packages on delete cascade,
  tag text collate "C" not null,
  version_id bigint not null references feedctl.versions on delete cascade,
  set_at timestamptz not null,
  set_by text not null,
  primary key (package_id, tag)
);
create index dist_tags_version on feedctl.dist_tags (version_id);
-- npm's own deprecations, which imports up to now kept among the metadata only
update feedctl.versions v set deprecated = true, deprecation_reason = nullif(v.metadata ->> 'deprecated', 'true')
from feedctl.packages p join feedctl.feeds d on d.id = p.feed_id
where p.id = v.package_id and d.type = 'npm' and not v.deprecated
  and (v.metadata ->> 'deprecated') not in ('', 'false');
`;
