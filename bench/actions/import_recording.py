"""Make a file of recorded responses into a model that says what stands in it: all of the file or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.exceptions import BenchError, UnknownNameError
from bench.formats.recorded_jsonl import Recorded, read_recorded
from bench.model_families import family_of
from bench.models import LanguageModel, RecordedAnswer
from bench.specs import sha256
from gvsir.exceptions import FormatError
from gvsir.models import LogEntry

PREFIX = "replay:"
_MOST_ERRORS, _MOST_LINES, _CHUNK, _BLOCK = 20, 1_000_000, 500, 1 << 20
_LONGEST_NAME, _LONGEST_FILE_NAME, _SHOWN_HASH = 200, 60, 12


class RecordingRefusedError(BenchError):
    """A file of recorded responses has errors; nothing of it was written. ``errors`` names each by line and field."""

    code = "recording_refused"

    def __init__(self, errors: list[FormatError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


class _Found(NamedTuple):
    recorded_from: str
    is_named: bool
    answers: int


class _Place(NamedTuple):
    item: str
    prompt_sha256: str
    language: str
    epoch: int


@transaction.atomic
def import_recording(name: str, *, actor: User | None) -> LanguageModel:
    """Return the model of ``replay:FILE[#MODEL]``; the same file and model are the same row.

    MODEL chooses whose answers are meant where the file holds several models', or says who answered where the
    file does not.

    Raises
    ------
    UnknownNameError
        There is no such file, or it is named on a page: only a command reads files of this machine.
    RecordingRefusedError
        Something in the file cannot be used.
    """
    if actor is not None:
        raise UnknownNameError(
            gettext("A file of recorded responses is read in with a command: gvsir language_model replay:FILE")
        )
    path, wanted = _parts(name.removeprefix(PREFIX))
    with _opened(path) as stream:
        digest = _digest(stream)
        found = _examine(stream, path.name, wanted)
        known = LanguageModel.objects.filter(recording_sha256=digest, recorded_from=found.recorded_from).first()
        if known is not None:
            return known
        created = _create(path.name, digest, found)
        _write(created, stream, path.name, found)
        if _digest(stream) != digest:
            raise RecordingRefusedError([FormatError("It changed while it was read.", source=path.name)])
    LogEntry.objects.record(
        created, "language_model.record", actor=actor, data={"sha256": digest, "answers": found.answers}
    )
    return created


def _parts(text: str) -> tuple[Path, str]:
    """Return the file and, behind the last ``#``, the model."""
    if _is_file(text):
        return Path(text), ""
    file, mark, model = text.rpartition("#")
    if mark and _is_file(file):
        return Path(file), model.strip()
    raise UnknownNameError(gettext("There is no file {file!r}.").format(file=text[:200]))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (ValueError, OSError):  # a NUL character, a name too long
        return False


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UnknownNameError(
            gettext("{file} cannot be read: {reason}.").format(file=path.name, reason=error.strerror)
        ) from error
    with stream:
        yield stream


def _digest(stream: BinaryIO) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _examine(stream: BinaryIO, source: str, wanted: str) -> _Found:
    """Return whose answers are meant, and how many there are; raise with all that is wrong in the file."""
    errors: list[FormatError] = []
    places: dict[tuple[str, _Place], tuple[int, str]] = {}
    unnamed = 0
    stream.seek(0)
    for each in read_recorded(stream, source):
        if isinstance(each, FormatError):
            errors.append(each)
        elif each.line > _MOST_LINES:
            errors.append(FormatError(f"There are more than {_MOST_LINES:,} lines.", source=source, line=each.line))
            break
        elif each.text is not None:
            unnamed = unnamed or (0 if each.model else each.line)
            text = sha256(each.text)
            line, before = places.setdefault((each.model, _place(each)), (each.line, text))
            if before != text:
                message = f"Line {line} holds another response to the same question."
                errors.append(FormatError(message, source=source, line=each.line, field="response"))
        if len(errors) >= _MOST_ERRORS:
            break
    if errors:
        raise RecordingRefusedError(errors)
    names = sorted({model for model, _place_ in places} - {""})
    recorded_from = wanted or (names[0] if len(names) == 1 else "")
    error = _refusal(names, unnamed, wanted, source)
    if error is None and not places:
        error = FormatError("There is no recorded response in it.", source=source)
    if error is None and (len(recorded_from) > _LONGEST_NAME + 100 or not recorded_from.isprintable()):
        error = FormatError("The name of the model cannot be used.", source=source, field="model")
    if error is not None:
        raise RecordingRefusedError([error])
    answers = sum(1 for model, _place_ in places if model in ("", recorded_from))
    return _Found(recorded_from, bool(names), answers)


def _refusal(names: list[str], unnamed: int, wanted: str, source: str) -> FormatError | None:
    """Return why it is not clear whose answers are meant."""
    listed = ", ".join(names[:10])
    if wanted and names and wanted not in names:
        return FormatError(f"It has no answer of {wanted}; it has those of {listed}.", source=source, field="model")
    if len(names) > 1 and unnamed:
        return FormatError(
            f"The line does not say which of {listed} answered.", source=source, line=unnamed, field="model"
        )
    if len(names) > 1 and not wanted:
        return FormatError(
            f"It holds answers of {listed}; choose one with {PREFIX}{source}#MODEL.", source=source, field="model"
        )
    return None


def _place(each: Recorded) -> _Place:
    prompt = "" if each.prompt is None else sha256(each.prompt)
    return _Place(each.item, prompt, each.language, each.epoch)


def _create(source: str, digest: str, found: _Found) -> LanguageModel:
    label = f"{PREFIX}{_printable(source)[-_LONGEST_FILE_NAME:]}#{digest[:_SHOWN_HASH]}"
    name = f"{found.recorded_from[:_LONGEST_NAME]} · {label}" if found.recorded_from else label
    return LanguageModel.objects.create(
        name=name, kind=LanguageModel.Kind.RECORDED, recorded_from=found.recorded_from, recording_sha256=digest,
        model_identifier=_printable(source)[-_LONGEST_NAME:], family=family_of(found.recorded_from.partition("@")[0]),
    )


def _printable(source: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in source)


def _write(created: LanguageModel, stream: BinaryIO, source: str, found: _Found) -> None:
    stream.seek(0)
    rows: list[RecordedAnswer] = []
    seen: set[_Place] = set()
    for each in read_recorded(stream, source):
        if isinstance(each, FormatError):
            raise RecordingRefusedError([FormatError("It changed while it was read.", source=source)])
        if each.text is None or (found.is_named and each.model not in ("", found.recorded_from)):
            continue
        place = _place(each)
        if place in seen:  # said twice in the same words
            continue
        seen.add(place)
        rows.append(
            RecordedAnswer(
                language_model=created, line=each.line, **place._asdict(), text=each.text,
                finish_reason=each.finish_reason, prompt_tokens=each.prompt_tokens,
                completion_tokens=each.completion_tokens,
            )
        )
        if len(rows) == _CHUNK:
            RecordedAnswer.objects.bulk_create(rows)
            rows = []
    RecordedAnswer.objects.bulk_create(rows)
