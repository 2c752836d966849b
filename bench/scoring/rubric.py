"""A versioned way of judging, and the words it is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from bench.prompts import FENCING
from bench.scoring.case import JudgeCase, Verdict
from bench.scoring.structured import READING, REPAIR, response_format
from bench.specs import Message, canonical_json, sha256

FOLDER: Final = Path(__file__).with_name("rubrics")
#: The value system whose categories the items are of.
ITEM_SYSTEM: Final = "gvs"
_PLACE: Final = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """Either ``decide`` in this process, or ``ask`` a model and ``read`` its reply.

    Parameters
    ----------
    version : int
        Counts up with every change of what is asked or how it is read.
    words : mapping
        All texts it is made of, as plain data; their hash is part of the identity of a judge.
    reading : mapping
        How the request is filled and the reply read: patterns, lengths, bounds; as plain data, for the hash too.
    system : str
        The value system whose dimensions it scores.
    decide, ask, read : callable
        ``decide(case)``; ``ask(case, key)`` for the verdict kept under ``key``; ``read(reply, case)``.
    schema : mapping, optional
        JSON Schema of the reply, for endpoints that can be held to one.
    most_repairs : int
        How often a reply that cannot be read is asked for again.
    reads_facts : bool
        Whether the judge is told what happened in the incident.
    survives_cut : bool
        Whether a reply that was cut off may still hold its verdict: it comes first.
    max_tokens : int
        Room for the reply.
    alone : str
        Key of the one dimension of a framework that it asks for, to check the judge that is asked for all of them at
        once; what it says never enters a score. "" of every other rubric.
    """

    version: int
    words: Mapping[str, Any]
    reading: Mapping[str, Any] = field(default_factory=dict)
    system: str = ITEM_SYSTEM
    decide: Callable[[JudgeCase], Verdict] | None = None
    ask: Callable[[JudgeCase, str], list[Message]] | None = None
    read: Callable[[str, JudgeCase], Verdict] | None = None
    schema: Mapping[str, Any] | None = None
    most_repairs: int = 0
    reads_facts: bool = False
    survives_cut: bool = False
    max_tokens: int = 1200
    alone: str = ""

    @cached_property
    def text_sha256(self) -> str:
        """The hash of all that changes what is asked, how it is read, or what is looked for in the answer."""
        data: dict[str, Any] = {
            "words": self.words, "reading": self.reading, "system": self.system, "reads_facts": self.reads_facts,
            "survives_cut": self.survives_cut, "most_repairs": self.most_repairs,
        }
        if self.ask is not None:
            data |= {"fencing": FENCING, "replies": READING}
        if self.schema is not None:
            data["schema"] = self.schema
        if self.most_repairs:
            data["repair"] = REPAIR
        return sha256(canonical_json(data))

    @cached_property
    def response_format(self) -> dict[str, Any] | None:
        """What the endpoint is asked to hold the reply to."""
        return None if self.schema is None else response_format(self.schema)


def load_words(name: str) -> dict[str, Any]:
    """Return the texts in ``rubrics/<name>.json``."""
    words: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return words


def filled(template: str, parts: Mapping[str, str]) -> str:
    """Return ``template`` with its places filled in one pass: what is put in is never filled again.

    Examples
    --------
    >>> filled('{a} {"b": 1} {c}', {"a": "{c}", "c": "see"})
    '{c} {"b": 1} see'
    """
    return _PLACE.sub(lambda found: parts.get(found[1], found[0]), template)


def language_of(case: JudgeCase) -> str:
    """Return the language a judge is spoken to in."""
    return "zh" if case.language.split("-")[0] == "zh" else "en"
