"""Import classifications: taxonomies as versions, coders as rows, and one record per incident and coder."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from django.db.models import Max

from gvsir.actions.ingest_links import BATCH
from gvsir.actions.load_reference import canonical_json
from gvsir.exceptions import FormatError
from gvsir.formats.aiid import AiidSnapshot, ClassificationFile, ClassificationRow
from gvsir.formats.taxonomy_json import FieldDefinition, TaxonomyDefinition
from gvsir.models import (
    Classification,
    ClassificationValue,
    Coder,
    Source,
    Taxonomy,
    TaxonomyField,
    TaxonomyVersion,
)

#: namespace -> the taxonomy's name, its coder's name, and what to know of the coder.
KNOWN: Final[dict[str, tuple[str, str, str]]] = {
    "MIT": (
        "MIT AI Risk Repository",
        "MIT FutureTech (language model)",
        "S. Mylius, MIT FutureTech: labels produced by a language model, not by people.",
    ),
    "GMF": (
        "Goals, Methods, Failures",
        "GMF team",
        "N. Pittaras and S. McGregor. What is not published is a draft of its makers.",
    ),
    "CSETv0": ("CSET AI Harm Taxonomy, first version", "CSET team (v0)", "Georgetown CSET."),
    "CSETv1": (
        "CSET AI Harm Taxonomy",
        "CSET reconciled record",
        "Georgetown CSET: the record agreed after independent annotation and peer review.",
    ),
}


@dataclass
class Counts:
    """Classifications made, changed, and left as they were."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


def ingest_file(
    snapshot: AiidSnapshot,
    file: ClassificationFile,
    *,
    taxonomies: Mapping[str, TaxonomyDefinition],
    source: Source,
    incidents: Mapping[int, int],
    counts: Counts,
) -> None:
    """Import one file of classifications.

    Parameters
    ----------
    snapshot : AiidSnapshot
        Where the file is read; rows of unknown incidents join its ``errors``, columns that the taxonomy
        does not have its ``warnings``.
    file : ClassificationFile
        Which file, and whose.
    taxonomies : mapping of namespace to TaxonomyDefinition
        What the snapshot says of its taxonomies; may lack some.
    source : Source
        The source of the taxonomies.
    incidents : mapping
        Number in the source -> primary key.
    counts : Counts
        Added to.
    """
    columns = snapshot.columns(file.name)
    version = taxonomy_version(file.namespace, taxonomies.get(file.namespace), columns, source)
    fields = dict(version.fields.values_list("key", "pk"))
    for column in columns:
        if column not in fields:
            snapshot.warnings.append(
                FormatError(
                    f"{version} has no such field; the column is left out.", source=file.name, line=1, field=column
                )
            )
    definition = taxonomies.get(file.namespace)
    coder = coder_of(file, is_automated=definition.is_automated if definition else file.namespace == "MIT")
    rows = []
    for row in snapshot.classifications(file.name):
        if row.incident_id in incidents:
            rows.append(row)
        else:
            snapshot.errors.append(
                FormatError(
                    f"There is no incident {row.incident_id}.", source=file.name, line=row.line, field="Incident ID"
                )
            )
    _write(rows, version, coder, fields, incidents, counts)


def taxonomy_version(
    namespace: str, definition: TaxonomyDefinition | None, columns: list[str], source: Source
) -> TaxonomyVersion:
    """Return the version of the taxonomy with these fields; a new one if there is none like it.

    Without a definition the newest version serves, or one made of the columns' names.
    """
    taxonomy, _ = Taxonomy.objects.get_or_create(
        namespace=namespace,
        defaults={
            "name": KNOWN[namespace][0] if namespace in KNOWN else namespace,
            "description": definition.description if definition else "",
            "source": source,
        },
    )
    if definition is None:
        newest = taxonomy.versions.order_by("-version").first()
        if newest is not None:
            return newest
    fields = definition.fields if definition else tuple(FieldDefinition(key=key, name=key) for key in columns)
    digest = hashlib.sha256(canonical_json([asdict(field) for field in fields])).hexdigest()
    version = taxonomy.versions.filter(sha256=digest).first()
    if version is not None:
        return version
    last = taxonomy.versions.aggregate(last=Max("version"))["last"] or 0
    version = taxonomy.versions.create(version=last + 1, sha256=digest)
    TaxonomyField.objects.bulk_create(
        TaxonomyField(
            taxonomy_version=version, key=field.key, name=field.name[:200], description=field.description,
            display_type=field.display_type, permitted_values=list(field.permitted_values),
            is_public=field.is_public, is_facet=field.is_facet, order=order,
        )
        for order, field in enumerate(fields, 1)
    )
    return version


def coder_of(file: ClassificationFile, *, is_automated: bool) -> Coder:
    """Return who made the judgements of a file: a column of the record, never a taxonomy of its own."""
    base = file.namespace.lower()
    if file.annotator:
        family = "CSET" if file.namespace.startswith("CSET") else file.namespace
        defaults = {
            "name": f"{family} annotator {file.annotator}", "kind": Coder.Kind.PERSON,
            "note": "An independent annotator slot; the people behind it are not named.",
        }
        return Coder.objects.get_or_create(key=f"{base}-annotator-{file.annotator}", defaults=defaults)[0]
    _, name, note = KNOWN.get(file.namespace, ("", f"{file.namespace} team", ""))
    kind = Coder.Kind.MODEL if is_automated else Coder.Kind.TEAM
    return Coder.objects.get_or_create(key=base, defaults={"name": name, "kind": kind, "note": note})[0]


def _write(
    rows: list[ClassificationRow],
    version: TaxonomyVersion,
    coder: Coder,
    fields: Mapping[str, int],
    incidents: Mapping[int, int],
    counts: Counts,
) -> None:
    """Make and change classifications and their values; blank cells have no row."""
    mine = Classification.objects.filter(taxonomy_version=version, coder=coder)
    existing = {classification.incident_id: classification for classification in mine.iterator()}
    values: defaultdict[int, dict[int, tuple[int, str]]] = defaultdict(dict)
    for pk, parent, field, value in ClassificationValue.objects.filter(
        classification__taxonomy_version=version, classification__coder=coder
    ).values_list("pk", "classification_id", "field_id", "value"):
        values[parent][field] = (pk, value)

    created = [row for row in rows if incidents[row.incident_id] not in existing]
    made = Classification.objects.bulk_create(
        [
            Classification(
                incident_id=incidents[row.incident_id], taxonomy_version=version, coder=coder,
                is_published=row.is_published,
            )
            for row in created
        ],
        batch_size=BATCH,
    )
    existing |= {classification.incident_id: classification for classification in made}
    new_keys = {classification.pk for classification in made}
    republished: list[Classification] = []
    added: list[ClassificationValue] = []
    removed: list[int] = []
    for row in rows:
        classification = existing[incidents[row.incident_id]]
        have = values[classification.pk]
        want = {fields[key]: value for key, value in row.values.items() if key in fields}
        stale = [pk for field, (pk, value) in have.items() if want.get(field) != value]
        fresh = [(field, value) for field, value in want.items() if have.get(field, (0, None))[1] != value]
        if classification.is_published != row.is_published:
            classification.is_published = row.is_published
            republished.append(classification)
        elif classification.pk in new_keys:
            counts.created += 1
        elif not stale and not fresh:
            counts.unchanged += 1
            continue
        if classification.pk not in new_keys:
            counts.updated += 1
        removed += stale
        added += [
            ClassificationValue(classification=classification, field_id=field, value=value)
            for field, value in fresh
        ]
    Classification.objects.bulk_update(republished, ["is_published"], batch_size=BATCH)
    _delete_values(removed)
    ClassificationValue.objects.bulk_create(added, batch_size=BATCH)


def _delete_values(pks: Iterable[int]) -> None:
    keys = list(pks)
    for start in range(0, len(keys), BATCH):
        ClassificationValue.objects.filter(pk__in=keys[start : start + BATCH]).delete()
