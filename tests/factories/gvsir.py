"""Records of the incident repository for tests; each has what the database demands and no more."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from django.contrib.auth.models import Group, User

from gvsir.models import (
    Classification,
    ClassificationValue,
    Coder,
    Entity,
    EntityRole,
    Incident,
    IncidentReport,
    Report,
    Source,
    Taxonomy,
    TaxonomyField,
    TaxonomyVersion,
    ValueDimension,
    ValueSystem,
)

PASSWORD = "correct horse"
_counter = itertools.count(9000)


def make_user(*roles: str, username: str = "", password: str = PASSWORD) -> User:
    """An account with the groups ``roles``."""
    user = User.objects.create_user(username or f"user{next(_counter)}", password=password)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def make_source(**overrides: Any) -> Source:
    values = {
        "key": "aiid", "name": "AI Incident Database", "version": "2026-02-23", "licence": "CC BY-SA 4.0",
        "attribution": "AI Incident Database, Responsible AI Collaborative", **overrides,
    }
    return Source.objects.get_or_create(key=values.pop("key"), defaults=values)[0]


def make_incident(**overrides: Any) -> Incident:
    number = overrides.pop("number", None) or next(_counter)
    values = {
        "number": number, "source_record_id": str(number), "status": Incident.Status.PUBLISHED,
        "title": f"Something happened, no. {number}", "description": "A system did something.",
        "date": datetime.date(2024, 5, 17), **overrides,
    }
    if "source" not in values:
        values["source"] = make_source()
    return Incident.objects.create(**values)


def make_entity_role(incident: Incident, name: str, role: str = "developer", **overrides: Any) -> EntityRole:
    slug = overrides.pop("slug", name.lower().replace(" ", "-"))
    entity = Entity.objects.get_or_create(slug=slug, defaults={"name": name})[0]
    return EntityRole.objects.create(incident=incident, entity=entity, role=role)


def make_report(*incidents: Incident, **overrides: Any) -> Report:
    values = {"source_record_id": str(next(_counter)), **overrides}
    if "source" not in values:
        values["source"] = make_source()
    report = Report.objects.create(**values)
    for incident in incidents:
        IncidentReport.objects.create(incident=incident, report=report)
    return report


def make_taxonomy_version(namespace: str = "CSETv1", **overrides: Any) -> TaxonomyVersion:
    taxonomy = Taxonomy.objects.get_or_create(
        namespace=namespace, defaults={"name": namespace, "source": make_source()}
    )[0]
    version = overrides.pop("version", 1)
    return TaxonomyVersion.objects.create(
        taxonomy=taxonomy, version=version, **{"sha256": f"{namespace}{version}", **overrides}
    )


def make_taxonomy_field(version: TaxonomyVersion, key: str, **overrides: Any) -> TaxonomyField:
    return TaxonomyField.objects.create(
        taxonomy_version=version, key=key, **{"name": key, "display_type": "string", **overrides}
    )


def make_coder(key: str = "annotator-1", **overrides: Any) -> Coder:
    return Coder.objects.get_or_create(key=key, defaults={"name": key, "kind": Coder.Kind.PERSON, **overrides})[0]


def make_classification(
    incident: Incident, version: TaxonomyVersion, coder: Coder, values: dict[TaxonomyField, str], **overrides: Any
) -> Classification:
    classification = Classification.objects.create(
        incident=incident, taxonomy_version=version, coder=coder, **{"is_published": True, **overrides}
    )
    for field, value in values.items():
        ClassificationValue.objects.create(classification=classification, field=field, value=value)
    return classification


def make_value_system(key: str = "gvs", **overrides: Any) -> ValueSystem:
    values = {"name": "GVS-Scale", "sha256": "0" * 64, "scale_low": 0.0, "scale_high": 10.0, **overrides}
    if "source" not in values:
        values["source"] = make_source()
    return ValueSystem.objects.create(key=key, **values)


def make_dimension(system: ValueSystem, order: int = 1, **overrides: Any) -> ValueDimension:
    values = {"key": f"category-{order}", "level": "category", "name": f"Category {order}", **overrides}
    return ValueDimension.objects.create(system=system, order=order, **values)
