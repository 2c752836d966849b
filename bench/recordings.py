"""Which recorded answer belongs to which question. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db.models import Q

from bench.models import LanguageModel, RecordedAnswer


class Question(NamedTuple):
    """An item as it is put: its public id, the SHA-256 of the prompt, the language, the n-th time."""

    item: str
    prompt_sha256: str
    language: str
    epoch: int


def recorded_answers(
    language_model: LanguageModel, questions: Iterable[Question]
) -> Mapping[Question, RecordedAnswer]:
    """Return what ``language_model`` said to those of ``questions`` that are on record.

    What a line leaves out (item, prompt, language) it leaves open; what it says must hold. An answer to the very
    words of the prompt goes before one that names the item only, and an earlier line before a later one.
    """
    wanted = list(questions)
    rows = RecordedAnswer.objects.filter(
        Q(item__in={each.item for each in wanted}) | Q(prompt_sha256__in={each.prompt_sha256 for each in wanted}),
        language_model=language_model,
    ).order_by("-line", "-pk")
    by_words: dict[tuple[str, int], list[RecordedAnswer]] = {}
    by_item: dict[tuple[str, int], list[RecordedAnswer]] = {}
    for row in rows:
        if row.prompt_sha256:
            by_words.setdefault((row.prompt_sha256, row.epoch), []).append(row)
        else:
            by_item.setdefault((row.item, row.epoch), []).append(row)
    found = {}
    for each in wanted:
        candidates = [*by_item.get((each.item, each.epoch), ()), *by_words.get((each.prompt_sha256, each.epoch), ())]
        for row in candidates:  # the last one that fits stays
            if row.language in ("", each.language) and row.item in ("", each.item):
                found[each] = row
    return found
