/**
 * A file of a Python version is identified by its name in one spelling, so that `Foo-1.0-py3-none-any.whl` and
 * `foo-1-py3-none-any.whl` are one wheel. Where a version has both already, one of them keeps its old identity.
 */
export const pythonSpellings = `
update feedctl.files f set qualifier = c.qualifier
from (
  select distinct on (n.version_id, n.qualifier) n.id, n.qualifier
  from (
    select f.id, f.version_id, f.qualifier as old, 'file=' || replace(p.name_key, '-', '_') || '-' || v.normalized_version ||
      case when f.qualifier like '%.whl' then regexp_replace(f.qualifier, '^file=[^-]+-[^-]+', '')
        else substring(f.qualifier from '[.](?:tar[.]gz|zip|tar[.]bz2)$') end as qualifier
    from feedctl.files f join feedctl.versions v on v.id = f.version_id join feedctl.packages p on p.id = v.package_id
    join feedctl.feeds d on d.id = p.feed_id
    where d.type = 'pypi' and f.qualifier like 'file=%') n
  where n.qualifier is not null
  order by n.version_id, n.qualifier, n.old = n.qualifier desc, n.id) c
where f.id = c.id and f.qualifier <> c.qualifier;
`;
