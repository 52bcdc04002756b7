/**
 * A wheel is identified with its compressed tags in order and in lower case, so that `a-1-py2.py3-none-any.whl` and
 * `a-1-py3.py2-none-any.whl` are one wheel. Where a version has both already, one of them keeps its old identity.
 */
export const wheelTags = `
update feedctl.files f set qualifier = c.qualifier
from (
  select distinct on (w.version_id, n.qualifier) w.id, n.qualifier
  from (
    select f.id, f.version_id, f.qualifier, regexp_replace(f.qualifier, '(?:-[^-]+){3}[.]whl$', '') as stem,
      string_to_array(substring(lower(f.qualifier) from '-([^-]+-[^-]+-[^-]+)[.]whl$'), '-') as tags
    from feedctl.files f join feedctl.versions v on v.id = f.version_id join feedctl.packages p on p.id = v.package_id
    join feedctl.feeds d on d.id = p.feed_id
    where d.type = 'pypi' and f.qualifier like 'file=%.whl') w
  cross join lateral (
    select w.stem || '-' || string_agg(s.tags, '-' order by s.place) || '.whl' as qualifier
    from (
      select part.place, string_agg(t.tag, '.' order by t.tag collate "C") as tags
      from unnest(w.tags) with ordinality as part(tags, place)
      cross join lateral (select distinct unnest(string_to_array(part.tags, '.')) as tag) t
      group by part.place) s) n
  where n.qualifier is not null
  order by w.version_id, n.qualifier, w.qualifier = n.qualifier desc, w.id) c
where f.id = c.id and f.qualifier <> c.qualifier;
`;
