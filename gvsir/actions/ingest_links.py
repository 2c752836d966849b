"""Bring the entities and reports of imported incidents into line with what the source says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from gvsir.models import Entity, EntityRole, IncidentReport, Report, Source

BATCH: Final = 1000


class Links(NamedTuple):
    """What one incident is linked to: (role, slug) pairs, and report numbers."""

    roles: frozenset[tuple[str, str]]
    reports: frozenset[str]


def name_of_slug(slug: str) -> str:
    """Return a readable name for an entity that the source does not name.

    Examples
    --------
    >>> name_of_slug("unknown-deepfake-technology-developers")
    'Unknown deepfake technology developers'
    """
    words = slug.replace("-", " ").strip() or slug
    return words[:1].upper() + words[1:]


def sync_entities(slugs: Collection[str], names: Mapping[str, str]) -> tuple[dict[str, int], set[int]]:
    """Make the entities that are missing; return primary keys by slug, and those whose name was corrected.

    A name that was only made from the slug gives way to the source's; any other stays.
    """
    known = {entity.slug: entity for entity in Entity.objects.all().iterator()}
    missing = sorted(set(slugs) - known.keys())
    made = Entity.objects.bulk_create(
        [Entity(slug=slug, name=names.get(slug) or name_of_slug(slug)) for slug in missing], batch_size=BATCH
    )
    renamed = []
    for slug in sorted(set(slugs) & known.keys() & names.keys()):
        entity = known[slug]
        if entity.name == name_of_slug(slug) != names[slug]:
            entity.name = names[slug]
            renamed.append(entity)
    Entity.objects.bulk_update(renamed, ["name"], batch_size=BATCH)
    keys = {slug: entity.pk for slug, entity in known.items()} | {entity.slug: entity.pk for entity in made}
    return keys, {entity.pk for entity in renamed}


def sync_reports(source: Source, numbers: Collection[str]) -> tuple[dict[str, int], int]:
    """Make the reports that are missing; return primary keys by number, and how many were made."""
    known = dict(Report.objects.filter(source=source).values_list("source_record_id", "pk"))
    missing = sorted(set(numbers) - known.keys(), key=lambda number: (len(number), number))
    made = Report.objects.bulk_create(
        [Report(source=source, source_record_id=number) for number in missing], batch_size=BATCH
    )
    return known | {report.source_record_id: report.pk for report in made}, len(made)


def sync_links(
    wanted: Mapping[int, Links], entities: Mapping[str, int], reports: Mapping[str, int], source: Source
) -> set[int]:
    """Add and remove links so that each incident (by primary key) has those wanted; return the changed ones.

    Links to reports of other sources are left alone.
    """
    roles: defaultdict[int, dict[tuple[str, int], int]] = defaultdict(dict)
    for pk, incident, role, entity in EntityRole.objects.filter(incident__source=source).values_list(
        "pk", "incident_id", "role", "entity_id"
    ):
        roles[incident][role, entity] = pk
    links: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for pk, incident, report in IncidentReport.objects.filter(
        incident__source=source, report__source=source
    ).values_list("pk", "incident_id", "report_id"):
        links[incident][report] = pk

    changed: set[int] = set()
    new_roles: list[EntityRole] = []
    new_links: list[IncidentReport] = []
    old_roles: list[int] = []
    old_links: list[int] = []
    for incident, want in wanted.items():
        want_roles = {(role, entities[slug]) for role, slug in want.roles}
        want_links = {reports[number] for number in want.reports}
        if want_roles == roles[incident].keys() and want_links == links[incident].keys():
            continue
        changed.add(incident)
        new_roles += [
            EntityRole(incident_id=incident, role=role, entity_id=entity)
            for role, entity in sorted(want_roles - roles[incident].keys())
        ]
        new_links += [
            IncidentReport(incident_id=incident, report_id=report)
            for report in sorted(want_links - links[incident].keys())
        ]
        old_roles += [pk for key, pk in roles[incident].items() if key not in want_roles]
        old_links += [pk for key, pk in links[incident].items() if key not in want_links]
    for batch in _batches(old_roles):
        EntityRole.objects.filter(pk__in=batch).delete()
    for batch in _batches(old_links):
        IncidentReport.objects.filter(pk__in=batch).delete()
    EntityRole.objects.bulk_create(new_roles, batch_size=BATCH)
    IncidentReport.objects.bulk_create(new_links, batch_size=BATCH)
    return changed


def _batches(pks: list[int]) -> Iterable[list[int]]:
    return (pks[start : start + BATCH] for start in range(0, len(pks), BATCH))
