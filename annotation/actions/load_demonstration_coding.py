"""Load the shipped demonstration coding: model-made, shown as such everywhere, complete or not at all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from annotation.actions.freeze_document import ORIGIN, text_of
from annotation.models import (
    Assignment,
    CategoryAssignment,
    Code,
    Codebook,
    Coding,
    Document,
    Memo,
    Round,
    Segment,
)
from gvsir.exceptions import FormatError, InvalidTransitionError
from gvsir.models import Coder, Incident, LogEntry, ValueDimension, ValueSystem

ROUND_NAME = "Demonstration"
SOURCE_KEY = "aiid"


class LoadSummary(NamedTuple):
    """What is there now, and whether this call put it there."""

    created: bool
    incidents: int
    assignments: int
    codings: int
    codes: int
    round_id: int


class _Record(NamedTuple):
    """One coder's coding of one incident, with the line that errors name."""

    line: int
    coder: Coder
    incident: Incident
    document: Document
    data: dict[str, Any]


@transaction.atomic
def load_demonstration_coding(path: Path | None = None, *, actor: Any = None) -> LoadSummary:
    """Load the demonstration coding once; a second call finds it there and changes nothing.

    Parameters
    ----------
    path : Path, optional
        By default ``fixtures/coding/demonstration.json``.

    Raises
    ------
    FormatError
        The file is not readable, or a record is wrong; names record and field. Nothing is written.
    InvalidTransitionError
        The scale or the incidents it codes are not loaded yet.
    """
    path = path or Path(settings.FIXTURES_DIR) / "coding" / "demonstration.json"
    present = Round.objects.filter(name=ROUND_NAME).first()
    if present is not None:
        return _summary(present, created=False)
    data, sha256 = _read(path)
    codebook, categories = _codebook(data, sha256)
    made = Round.objects.create(
        name=ROUND_NAME, codebook=codebook, origin=Round.Origin.MODEL_MADE, note=data["origin"], created_by=actor
    )
    records = _records(data, path)
    codes = _codes(records, made, categories, path.name)
    assignments = _assignments(records, made, categories, path.name)
    _codings(records, assignments, codes, path.name)
    _memos(records, assignments)
    made.status, made.closed_at = Round.Status.CLOSED, timezone.now()
    made.save(update_fields=["status", "closed_at"])
    summary = _summary(made, created=True)
    LogEntry.objects.record(
        made, "round.load_demonstration", actor=actor, data={"sha256": sha256, "codings": summary.codings}
    )
    return summary


def _summary(of_round: Round, *, created: bool) -> LoadSummary:
    assignments = Assignment.objects.filter(round=of_round)
    return LoadSummary(
        created=created,
        incidents=assignments.values("document__incident").distinct().count(),
        assignments=assignments.count(),
        codings=Coding.objects.filter(assignment__round=of_round).count(),
        codes=Code.objects.filter(created_in=of_round).count(),
        round_id=of_round.pk,
    )


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
    except OSError as error:
        raise FormatError(f"The file cannot be read: {error.strerror}.", source=path.name) from error
    except ValueError as error:
        raise FormatError(
            f"This is not JSON: {error}.", source=path.name, line=getattr(error, "lineno", None)
        ) from error
    for key in ("origin", "codebook", "passes"):
        if not isinstance(data, dict) or key not in data:
            raise FormatError("The file lacks this part.", source=path.name, field=key)
    return data, hashlib.sha256(raw).hexdigest()


def _codebook(data: dict[str, Any], sha256: str) -> tuple[Codebook, dict[str, ValueDimension]]:
    given = data["codebook"]
    keys = [category["id"] for category in given["categories"]]
    scale = (
        ValueSystem.objects.filter(dimensions__key=keys[0], dimensions__level="category").order_by("-version").first()
    )
    if scale is None:
        raise InvalidTransitionError("The GVS-Scale is not loaded yet; run gvsir load_reference first.")
    categories = {each.key: each for each in ValueDimension.objects.filter(system=scale, level="category")}
    notes = ("include", "include_zh", "exclude", "exclude_zh")
    codebook, _ = Codebook.objects.get_or_create(
        name=given["name"],
        version=given["version"],
        defaults={
            "scale": scale,
            "is_frozen": True,
            "origin": data["origin"],
            "guidance": {
                "categories": {
                    category["id"]: {note: category.get(note, "") for note in notes} for category in given["categories"]
                },
                "stances": given["stances"],
                "rules": given["rules"],
                "rules_zh": given.get("rules_zh", []),
                "selection": data.get("selection", ""),
                "licence": data.get("licence", ""),
                "sha256": sha256,
            },
        },
    )
    return codebook, categories


def _records(data: dict[str, Any], path: Path) -> list[_Record]:
    wanted = {str(coding["incident_id"]) for one_pass in data["passes"] for coding in one_pass["codings"]}
    incidents = {
        each.source_record_id: each
        for each in Incident.objects.filter(source__key=SOURCE_KEY, source_record_id__in=wanted)
    }
    documents = _documents(list(incidents.values()))
    records = []
    for one_pass in data["passes"]:
        given = one_pass["coder"]
        coder, _ = Coder.objects.get_or_create(
            key=given["key"], defaults={"name": given["name"], "kind": Coder.Kind.MODEL, "note": given["note"]}
        )
        for line, coding in enumerate(one_pass["codings"], start=1):
            incident = incidents.get(str(coding["incident_id"]))
            if incident is None:
                raise FormatError(
                    f"Pass {given['key']}: the incident {coding['incident_id']} of {SOURCE_KEY} is not loaded; "
                    "import the incidents first.",
                    source=path.name, line=line, field="incident_id",
                )
            records.append(_Record(line, coder, incident, documents[incident.pk], coding))
    return records


def _documents(incidents: list[Incident]) -> dict[int, Document]:
    frozen: dict[int, Document] = {}
    fresh = []
    existing = {(each.incident_id, each.sha256): each for each in Document.objects.filter(incident__in=incidents)}
    for incident in incidents:
        text, title_end = text_of(incident)
        sha256 = Document.digest(text)
        document = existing.get((incident.pk, sha256))
        if document is None:
            document = Document(
                incident=incident, origin=ORIGIN, language=incident.language, text=text, title_end_codepoint=title_end,
                sha256=sha256,
            )
            fresh.append(document)
        frozen[incident.pk] = document
    Document.objects.bulk_create(fresh)
    return frozen


def _category(categories: dict[str, ValueDimension], key: Any, record: _Record, source: str, field: str) -> ValueDimension:
    if key not in categories:
        raise FormatError(
            f"Pass {record.coder.key}, incident {record.data['incident_id']}: there is no category {key!r}.",
            source=source, line=record.line, field=field,
        )
    return categories[key]


def _passages(records: list[_Record]) -> Iterator[tuple[_Record, int, dict[str, Any]]]:
    for record in records:
        for place, passage in enumerate(record.data["passages"], start=1):
            yield record, place, passage


CodeKey = tuple[int, str, str]  # coder, name, key of the category


def _codes(
    records: list[_Record], made: Round, categories: dict[str, ValueDimension], source: str
) -> dict[CodeKey, Code]:
    """Make the codes of each coder.

    A coder who put one name under two categories meant two codes: the more frequent keeps the name,
    the other adds its category in brackets.
    """
    used: Counter[CodeKey] = Counter()
    chinese: dict[CodeKey, str] = {}
    for record, place, passage in _passages(records):
        _category(categories, passage["category"], record, source, f"passages[{place}].category")
        key = (record.coder.pk, passage["code"], passage["category"])
        used[key] += 1
        chinese.setdefault(key, passage.get("code_zh", ""))
    codes: dict[CodeKey, Code] = {}
    taken: set[tuple[int, str]] = set()
    for key, _ in used.most_common():
        coder_id, name, category_key = key
        category = categories[category_key]
        name_zh = chinese[key]
        if (coder_id, name) in taken:
            name = f"{name} ({category.name})"
            name_zh = f"{name_zh}（{category.name_zh}）" if name_zh else ""
        taken.add((coder_id, name))
        codes[key] = Code(
            codebook=made.codebook, name=name, name_zh=name_zh, category=category, created_by_id=coder_id, created_in=made
        )
    bulk_create_with_history(list(codes.values()), Code)
    found = {(each.created_by_id, each.name): each for each in Code.objects.filter(created_in=made)}
    return {key: found[code.created_by_id, code.name] for key, code in codes.items()}


def _assignments(
    records: list[_Record], made: Round, categories: dict[str, ValueDimension], source: str
) -> dict[tuple[int, int], Assignment]:
    now = timezone.now()
    assignments, given = {}, []
    for record in records:
        stance, stage = record.data["stance"], record.data.get("lifecycle") or ""
        for value, permitted, field in (
            (stance, Assignment.Stance.values, "stance"), (stage, ["", *Assignment.Stage.values], "lifecycle"),
        ):
            if value not in permitted:
                raise FormatError(
                    f"Pass {record.coder.key}, incident {record.data['incident_id']}: {value!r} is not permitted.",
                    source=source, line=record.line, field=field,
                )
        assignment = Assignment(
            round=made, document=record.document, coder=record.coder, status=Assignment.Status.SUBMITTED,
            stance=stance, lifecycle_stage=stage, order=record.line, submitted_at=now,
        )
        assignments[record.coder.pk, record.incident.pk] = assignment
        main, others = record.data["main_category"], record.data["other_categories"]
        given.append(CategoryAssignment(
            assignment=assignment, category=_category(categories, main, record, source, "main_category"), is_main=True
        ))
        given += [
            CategoryAssignment(assignment=assignment, category=_category(categories, key, record, source, "other_categories"))
            for key in others
        ]
    Assignment.objects.bulk_create(assignments.values())
    CategoryAssignment.objects.bulk_create(given)
    return assignments


def _codings(
    records: list[_Record], assignments: dict[tuple[int, int], Assignment], codes: dict[CodeKey, Code], source: str
) -> None:
    segments = {
        (each.document_id, each.start_codepoint, each.end_codepoint): each
        for each in Segment.objects.filter(document__in={record.document.pk for record in records})
    }
    fresh, codings = [], {}
    for record, place, passage in _passages(records):
        start, end = _locate(record, place, passage, source)
        key = (record.document.pk, start, end)
        if key not in segments:
            segments[key] = Segment(document=record.document, start_codepoint=start, end_codepoint=end)
            fresh.append(segments[key])
        code = codes[record.coder.pk, passage["code"], passage["category"]]
        assignment = assignments[record.coder.pk, record.incident.pk]
        codings[assignment.pk, key, code.pk] = Coding(assignment=assignment, segment=segments[key], code=code)
    Segment.objects.bulk_create(fresh)
    Coding.objects.bulk_create(codings.values())


def _locate(record: _Record, place: int, passage: dict[str, Any], source: str) -> tuple[int, int]:
    """Return where the quote stands in the document; it must stand once in its field."""
    text, title_end = record.document.text, record.document.title_end_codepoint
    quote, field = passage["quote"], passage["field"]
    start, end = {"title": (0, title_end), "description": (title_end + 2, len(text))}.get(field, (0, 0))
    times = text[start:end].count(quote) if quote else 0
    if times != 1:
        raise FormatError(
            f"Pass {record.coder.key}, incident {record.data['incident_id']}: the quote {quote!r} stands {times} times in "
            f"the {field}, not once.",
            source=source, line=record.line, field=f"passages[{place}].quote",
        )
    found = text.index(quote, start, end)
    return found, found + len(quote)


def _memos(records: list[_Record], assignments: dict[tuple[int, int], Assignment]) -> None:
    memos = []
    for record in records:
        assignment = assignments[record.coder.pk, record.incident.pk]
        scenario = record.data.get("scenario") or {}
        if record.data.get("memo"):
            memos.append(Memo(assignment=assignment, kind=Memo.Kind.ANALYTIC, text=record.data["memo"]))
        if scenario.get("en"):
            memos.append(Memo(
                assignment=assignment, kind=Memo.Kind.SCENARIO, text=scenario["en"], text_zh=scenario.get("zh", "")
            ))
    Memo.objects.bulk_create(memos)
