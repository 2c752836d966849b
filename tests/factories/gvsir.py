"""Incidents and what hangs on them."""

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
from gvsir.search import index_incidents

PASSWORD = "correct horse"
_counter = itertools.count(9000)


def make_source(**overrides: Any) -> Source:
    values = {"name": "Test source", "licence": "CC BY-SA 4.0", "attribution": "Test source, its makers"}
    values |= overrides
    return Source.objects.get_or_create(key=values.pop("key", "test-source"), defaults=values)[0]


def make_incident(
    *, reports: int = 0, developers: tuple[str, ...] = (), deployers: tuple[str, ...] = (),
    harmed: tuple[str, ...] = (), **overrides: Any,
) -> Incident:
    """Return a published, searchable incident with the next free number."""
    last = Incident.objects.order_by("-number").values_list("number", flat=True).first() or 0
    values: dict[str, Any] = {
        "number": last + 1,
        "status": Incident.Status.PUBLISHED,
        "title": "A chatbot cited a court case that does not exist",
        "description": "A lawyer filed a brief with citations invented by a chatbot.",
        "date": datetime.date(2024, 5, 17),
    }
    values |= overrides
    values.setdefault("source", None)
    values["source"] = values["source"] or make_source()
    values.setdefault("source_record_id", str(values["number"]))
    incident = Incident.objects.create(**values)
    for role, slugs in (("developer", developers), ("deployer", deployers), ("harmed", harmed)):
        for slug in slugs:
            EntityRole.objects.create(incident=incident, entity=make_entity(slug), role=role)
    for _ in range(reports):
        make_report(incident)
    index_incidents([incident.pk])
    return incident


def make_entity(slug: str = "openai", name: str = "") -> Entity:
    return Entity.objects.get_or_create(slug=slug, defaults={"name": name or slug.replace("-", " ").capitalize()})[0]


def make_report(*incidents: Incident, **overrides: Any) -> Report:
    source = overrides.pop("source", None) or make_source()
    values = {"source": source, "source_record_id": str(Report.objects.filter(source=source).count() + 1)}
    report = Report.objects.create(**(values | overrides))
    for incident in incidents:
        IncidentReport.objects.create(incident=incident, report=report)
    return report


def make_scale() -> ValueSystem:
    """Return the GVS-Scale, loaded from the fixtures with all other reference data."""
    from gvsir.actions.load_reference import load_reference

    load_reference()
    return ValueSystem.objects.current("gvs")


def make_user(*roles: str, username: str = "", password: str = PASSWORD) -> User:
    """An account with the groups ``roles``."""
    user = User.objects.create_user(username or f"user{next(_counter)}", password=password)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


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
