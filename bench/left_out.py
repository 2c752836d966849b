"""How many items of a release each model is not asked, and why, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bench.modality import LeftOut, needs_of, why_left_out
from bench.models import LanguageModel, Release, Run
from bench.scoring.case import in_language
from gvsir.models import LogEntry


class LeftOutLine(NamedTuple):
    """So many items of a release that one model is not asked, for one reason."""

    model: str
    reason: str
    wants: str
    items: int

    def sentence(self) -> str:
        """Return it in words."""
        return ngettext("{n} item: {why}", "{n} items: {why}", self.items).format(n=self.items, why=_why(self))


def left_out_lines(
    release: Release, language_models: Sequence[LanguageModel], *, languages: Sequence[str]
) -> list[LeftOutLine]:
    """Return what is left out for each model; an item without a prompt in these languages is left out for all."""
    counts: dict[int, Counter[LeftOut]] = {model.pk: Counter() for model in language_models}
    for content in release.release_items.order_by("position").values_list("content", flat=True).iterator(chunk_size=500):
        needs = needs_of(content)
        has_prompt = any(in_language(content.get("prompt"), language).strip() for language in languages)
        for model in language_models:
            why = why_left_out(needs, output=model.output, accepts=model.accepted)
            if why is None and not has_prompt:
                why = LeftOut("no_prompt", "")
            if why is not None:
                counts[model.pk][why] += 1
    return [
        LeftOutLine(model.name, why.reason, why.wants, n)
        for model in language_models for why, n in sorted(counts[model.pk].items())
    ]


def left_out_of(run: Run) -> list[LeftOutLine]:
    """Return what was left out when ``run`` was made, as written down then."""
    entry = LogEntry.objects.filter(kind="bench.run", record_id=str(run.pk), action="run.create").first()
    rows: Iterable[Any] = (entry.data or {}).get("left_out", ()) if entry else ()
    return [LeftOutLine(*row) for row in rows]


def by_model(lines: Iterable[LeftOutLine]) -> Mapping[str, list[LeftOutLine]]:
    """Return the lines of each model."""
    found: dict[str, list[LeftOutLine]] = {}
    for line in lines:
        found.setdefault(line.model, []).append(line)
    return found


def _why(line: LeftOutLine) -> str:
    words = {
        ("produces", "text"): _("they ask for text, which this model does not produce"),
        ("produces", "image"): _("they ask for an image, which this model does not produce"),
        ("produces", "speech"): _("they ask for speech, which this model does not produce"),
        ("produces", "video"): _("they ask for a video, which this model does not produce"),
        ("accepts", "image"): _("they show an image, which this model does not accept"),
        ("accepts", "audio"): _("they hold sound, which this model does not accept"),
        ("accepts", "video"): _("they hold a video, which this model does not accept"),
        ("not_stored", ""): _("they name a file that is not stored here"),
        ("no_prompt", ""): _("they have no prompt in these languages"),
    }
    usual = _("they show a file, and this model is given words only")
    return words.get((line.reason, line.wants), usual if line.reason == "words_only" else _("they ask for what no model here produces"))
