"""Import published scores as read-only, attributed measurements."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction

from bench.formats import value_compass
from bench.formats.value_compass import PublishedModel, PublishedScores, PublishedTable
from bench.models import LanguageModel, Measurement, PublishedScore
from gvsir.actions.load_reference import load_reference
from gvsir.exceptions import FormatError, ImmutableRecordError
from gvsir.models import LogEntry, Source, ValueDimension, ValueSystem
from gvsir.permissions import require

#: format -> its reader.
FORMATS: Final[dict[str, Callable[..., PublishedScores]]] = {"value-compass": value_compass.read}

_SOURCE: Final = {
    "name": "Value Compass",
    "version": "d9d6170a",
    "url": "https://github.com/ValueCompass/ValueCompass.github.io",
    "licence": "no licence file; numbers only",
    "attribution": (
        "Value Compass leaderboard, arXiv 2501.07071. Published numbers, without their cases; "
        "measurement 2025-02 and first version of late 2024."
    ),
}
_MOST_BYTES: Final = 50_000_000


class ImportedScores(NamedTuple):
    """What an import did; ``measurements`` says it of each table."""

    format: str
    source: str
    sha256: str
    dry_run: bool
    measurements: list[dict[str, Any]]
    models_created: int
    models_existing: int


@transaction.atomic
def import_scores(
    path: Path | str, *, format_: str = "value-compass", actor: User | None = None, dry_run: bool = False
) -> ImportedScores:
    """Store each table of the file at ``path`` as a measurement; a second import of it changes nothing.

    Raises
    ------
    FormatError
        The file cannot be read or is not what it should be; nothing has been written.
    ImmutableRecordError
        A measurement of the same key is there with other numbers.
    """
    if actor is not None:
        require(actor, "language_model.edit")
    path = Path(path)
    data = _bytes(path)
    published = FORMATS[format_](data, source=path.name)
    sha256 = hashlib.sha256(data).hexdigest()
    if ValueSystem.objects.filter(key__in={table.system for table in published.tables}).count() == 0:
        load_reference()
    source = Source.objects.get_or_create(key="value-compass", defaults=_SOURCE)[0]
    models, n_created = _language_models(published.models)
    measurements = [
        _measurement(table, models=models, source=source, sha256=sha256, file_name=path.name, actor=actor)
        for table in published.tables
    ]
    if dry_run:
        transaction.set_rollback(True)
    return ImportedScores(
        format_, path.name, sha256, dry_run, measurements, n_created, len(models) - n_created
    )


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FormatError("The file is larger than 50 MB.", source=path.name)
        return path.read_bytes()
    except OSError as error:
        raise FormatError(f"The file cannot be read ({error.strerror}).", source=path.name) from error


def _language_models(published: tuple[PublishedModel, ...]) -> tuple[dict[str, LanguageModel], int]:
    """Return the models by published name, and how many are new; a name taken by an endpoint gets a mark."""
    models: dict[str, LanguageModel] = {}
    n_created = 0
    taken = set(
        LanguageModel.objects.exclude(kind=LanguageModel.Kind.PUBLISHED)
        .filter(name__in=[each.name for each in published]).values_list("name", flat=True)
    )
    for each in published:
        model, created = LanguageModel.objects.get_or_create(
            name=f"{each.name} (published)" if each.name in taken else each.name,
            defaults={
                "kind": LanguageModel.Kind.PUBLISHED,
                "developer": each.developer,
                "family": each.developer[:80],
                "is_open_weights": each.is_open_weights,
                "release_date": each.release_date,
            },
        )
        models[each.name] = model
        n_created += created
    return models, n_created


def _dimensions(table: PublishedTable, file_name: str) -> dict[str, ValueDimension]:
    """Return our dimension for each published name."""
    ours = {
        dimension.name: dimension
        for dimension in ValueDimension.objects.filter(system=_system(table.system), is_scored=True)
    }
    found = {name: ours.get(name) or ours.get(name.removesuffix(" Harms")) for name in table.dimensions}
    for name, dimension in found.items():
        if dimension is None:
            raise FormatError(
                f"The value system {table.system} has no scored dimension of this name.", source=file_name,
                field=f"{table.period}.{table.system}.{name}",
            )
    return {name: dimension for name, dimension in found.items() if dimension is not None}


def _system(key: str) -> ValueSystem:
    return ValueSystem.objects.filter(key=key).order_by("-version")[0]


def _measurement(
    table: PublishedTable, *, models: dict[str, LanguageModel], source: Source, sha256: str, file_name: str,
    actor: User | None,
) -> dict[str, Any]:
    dimensions = _dimensions(table, file_name)
    numbers = {
        (models[name].pk, dimensions[dimension].pk): float(value)
        for name, row in table.values.items()
        for dimension, value in row.items()
        if value is not None
    }
    summary = {
        "key": table.key, "system": table.system, "models": len(table.values), "scores": len(numbers),
        "n_cases": table.n_cases,
    }
    existing = Measurement.objects.filter(key=table.key, system__key=table.system).first()
    if existing is not None:
        stored = {(m, d): v for m, d, v in existing.scores.values_list("language_model", "dimension", "value")}
        if stored != numbers:
            raise ImmutableRecordError(
                f"Measurement {table.key} of {table.system} is there with other numbers; a publication is not changed."
            )
        return summary | {"status": "unchanged"}
    measurement = Measurement.objects.create(
        key=table.key, system=_system(table.system), period=table.period, source=source, sha256=sha256,
        name=f"{source.name}, measurement {table.period}", scale_low=table.scale[0], scale_high=table.scale[1],
        n_cases=table.n_cases, note=f"Imported unchanged from {file_name}.",
    )
    PublishedScore.objects.bulk_create(
        PublishedScore(measurement=measurement, language_model_id=model, dimension_id=dimension, value=value)
        for (model, dimension), value in numbers.items()
    )
    LogEntry.objects.record(
        measurement, "measurement.import", actor=actor, data={"sha256": sha256, "scores": len(numbers)}
    )
    return summary | {"status": "created"}
