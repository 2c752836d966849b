"""What the coding page shows of one assignment: text, passages, codebook, whole-document part, progress."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import get_language

from annotation.code_letters import letters_for
from annotation.coded_text import Paragraph, Passage, coded_paragraphs
from annotation.guidance import readable_notes
from annotation.labels import stage_label, stance_label
from annotation.models import Assignment, Code, Coding, Memo, Round
from annotation.querysets import categories_of, layers_of, visible_codes
from gvsir.models import ValueDimension

#: Up to this many codes all are shown; of more only those used in this document, until unfolded.
MOST_SHOWN_AT_ONCE = 60


@dataclass(frozen=True, kw_only=True)
class CodeEntry:
    """A code in the codebook rail: its key, and how often it is used in this document."""

    code: Code
    letter: str
    used: int
    shown: bool


@dataclass(frozen=True, kw_only=True)
class CategoryEntry:
    """A category in the rail; ``category`` is None for codes that are not gathered under one yet."""

    category: ValueDimension | None
    codes: list[CodeEntry]
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """How many passages of this document have one of its codes."""
        return sum(each.used for each in self.codes)

    @property
    def hidden(self) -> int:
        """How many of its codes are folded away."""
        return sum(not each.shown for each in self.codes)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where the coder is in the queue of this round."""

    place: int
    total: int
    submitted: int
    previous: Assignment | None
    next: Assignment | None

    @property
    def left(self) -> int:
        """How many documents are not handed in."""
        return self.total - self.submitted


class CodingState:
    """Everything the page and its JSON answers need, read once."""

    def __init__(self, assignment: Assignment, user: Any) -> None:
        self.assignment = assignment
        self.document = assignment.document
        self.codebook = assignment.round.codebook
        self.editable = (
            assignment.round.status == Round.Status.OPEN and assignment.status != Assignment.Status.SUBMITTED
        )
        self.codings = list(
            Coding.objects.filter(assignment=assignment)
            .select_related("segment", "code__category")
            .order_by("segment__start_codepoint", "segment__end_codepoint", "pk")
        )
        self.codes = list(visible_codes(user).filter(codebook=self.codebook).select_related("category"))
        self.letters = self._letters()
        self.memos = list(Memo.objects.filter(assignment=assignment))
        self.given = {each.category.key: each.is_main for each in assignment.categories.select_related("category")}

    def _letters(self) -> dict[int, str]:
        """Letters stay while a document is coded: most used in other documents of the round first, then own."""
        elsewhere = Counter(
            Coding.objects.filter(assignment__round=self.assignment.round_id, assignment__coder=self.assignment.coder_id)
            .exclude(assignment=self.assignment)
            .values_list("code_id", flat=True)
        )
        ordered = sorted(
            self.codes,
            key=lambda code: (-elsewhere[code.pk], code.created_by_id != self.assignment.coder_id, code.pk),
        )
        return letters_for((code.pk, code.name) for code in ordered)

    def passages(self) -> list[Passage]:
        """Return the coded passages, in reading order; ``record`` is the coding."""
        return [
            Passage(
                start=coding.segment.start_codepoint,
                end=coding.segment.end_codepoint,
                category=coding.code.category.order if coding.code.category else 0,
                label=coding.code.label,
                letter=self.letters.get(coding.code_id, "") or "·",
                id=coding.pk,
                record=coding,
            )
            for coding in self.codings
        ]

    def paragraphs(self) -> list[Paragraph]:
        """Return the text cut into runs."""
        return coded_paragraphs(self.document.text, self.document.title_end_codepoint, self.passages())

    def quoted(self) -> list[tuple[Passage, str]]:
        """Return each passage with its words."""
        return [(each, self.document.text[each.start : each.end]) for each in self.passages()]

    def tree(self) -> list[tuple[ValueDimension | None, list[CategoryEntry]]]:
        """Return layers with their categories and codes; codes without a category last."""
        used = Counter(coding.code_id for coding in self.codings)
        all_shown = len(self.codes) <= MOST_SHOWN_AT_ONCE
        by_category: dict[int | None, list[CodeEntry]] = {}
        for code in self.codes:
            entry = CodeEntry(
                code=code, letter=self.letters[code.pk], used=used[code.pk], shown=all_shown or bool(used[code.pk])
            )
            by_category.setdefault(code.category_id, []).append(entry)
        notes = readable_notes(self.codebook.guidance.get("categories", {}), categories_of(self.codebook), zh=self.zh)
        tree: list[tuple[ValueDimension | None, list[CategoryEntry]]] = [
            (
                layer,
                [
                    CategoryEntry(category=each, codes=by_category.get(each.pk, []), notes=notes.get(each.key, {}))
                    for each in sorted(layer.children.all(), key=lambda child: child.order)
                    if each.level == "category"
                ],
            )
            for layer in layers_of(self.codebook)
        ]
        if None in by_category:
            tree.append((None, [CategoryEntry(category=None, codes=by_category[None])]))
        return tree

    def categories(self) -> list[tuple[ValueDimension, bool, bool]]:
        """Return each category with whether it is given, and whether as the main one."""
        return [(each, each.key in self.given, self.given.get(each.key, False)) for each in categories_of(self.codebook)]

    def stances(self) -> list[tuple[str, str, str]]:
        """Return key, name and meaning of each stance."""
        described = {each["id"]: each for each in self.codebook.guidance.get("stances", [])}
        meaning = "definition_zh" if self.zh else "definition"
        return [(value, stance_label(value), described.get(value, {}).get(meaning, "")) for value in Assignment.Stance.values]

    def stages(self) -> list[tuple[str, str]]:
        """Return key and name of each stage of the life cycle."""
        return [(value, stage_label(value)) for value in [*Assignment.Stage.values, ""]]

    @property
    def zh(self) -> bool:
        """Whether the reader reads Chinese."""
        return (get_language() or "").startswith("zh")

    @property
    def scenario(self) -> Memo | None:
        """What a user could ask a model."""
        return self.memo(Memo.Kind.SCENARIO)

    def memo(self, kind: str, coding_id: int | None = None) -> Memo | None:
        """Return the memo of this kind on the document, or on a coding."""
        return next((each for each in self.memos if (each.kind, each.coding_id) == (kind, coding_id)), None)

    def progress(self) -> Progress:
        """Return where the coder is."""
        queue = list(
            Assignment.objects.filter(round=self.assignment.round_id, coder=self.assignment.coder_id)
            .order_by("order", "pk")
        )
        place = next(number for number, each in enumerate(queue) if each.pk == self.assignment.pk)
        return Progress(
            place=place + 1,
            total=len(queue),
            submitted=sum(each.status == Assignment.Status.SUBMITTED for each in queue),
            previous=queue[place - 1] if place else None,
            next=queue[place + 1] if place + 1 < len(queue) else None,
        )

    def as_json(self) -> dict[str, Any]:
        """Return what the script needs to know."""
        analytic = {str(each.coding_id or ""): each.text for each in self.memos if each.kind == Memo.Kind.ANALYTIC}
        return {
            "editable": self.editable,
            "status": self.assignment.status,
            "passages": [
                {"id": each.id, "start": each.start, "end": each.end, "code": each.record.code_id, "letter": each.letter}
                for each in self.passages()
            ],
            "codes": [
                {"id": code.pk, "name": code.name, "label": code.label, "letter": self.letters[code.pk],
                 "category": code.category.key if code.category else ""}
                for code in self.codes
            ],
            "memos": analytic,
            "main": next((key for key, is_main in self.given.items() if is_main), ""),
            "others": [key for key, is_main in self.given.items() if not is_main],
            "stance": self.assignment.stance,
            "lifecycle": self.assignment.lifecycle_stage,
        }

