"""Write down what is known of a model: prices, limit, family, maker, what it takes and what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.bounds import MOST_AT_ONCE, MOST_PRICE, check_amount, check_count
from bench.exceptions import BadEndpointError, RunClosedError
from bench.files.kinds import ACCEPTABLE, IMAGE, OUTPUTS, SPEECH, TEXT, VIDEO
from bench.model_families import is_family_name, normal_family
from bench.models import LanguageModel, Run
from gvsir.models import LogEntry
from gvsir.permissions import require

DESCRIBABLE: Final = (
    "family", "developer", "input_price", "output_price", "price_per_output", "max_concurrency", "output", "accepts",
    "output_options", "token_limit",
)
#: What changes the answers: fixed while a run asks the model.
_SHAPING: Final = ("output", "output_options")
#: What may be said in a request besides the prompt, by what is made.
OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    IMAGE: frozenset({"size", "quality", "style", "background", "output_format", "moderation", "seed"}),
    SPEECH: frozenset({"voice", "speed", "instructions", "response_format", "language"}),
    VIDEO: frozenset({"size", "seconds", "seed", "fps"}),
}
_LONGEST_OPTION: Final = 300
_UNFINISHED: Final = (Run.Status.QUEUED, Run.Status.RUNNING, Run.Status.PAUSED)


@transaction.atomic
def describe_language_model(*, language_model: LanguageModel, facts: dict[str, Any], actor: User | None) -> LanguageModel:
    """Set the given facts of ``language_model`` and record what they were.

    Raises
    ------
    BadEndpointError
        Only one of the two prices would be known.
    BadNumberError
        A price or the most calls at once are outside their bounds.
    PermissionRefusedError
        ``actor`` may not edit models.
    """
    if actor is not None:
        require(actor, "language_model.edit")
    if unknown := set(facts) - set(DESCRIBABLE):
        raise AssertionError(f"not a fact: {unknown}")
    row = LanguageModel.objects.select_for_update().get(pk=language_model.pk)
    before = {name: str(getattr(row, name)) for name in facts}
    if "accepts" in facts:
        facts = {**facts, "accepts": canonical_accepts(str(facts["accepts"]))}
    if "family" in facts:
        facts = {**facts, "family": checked_family(str(facts["family"]))}
    is_reshaped = any(name in facts and facts[name] != getattr(row, name) for name in _SHAPING)
    for name, value in facts.items():
        setattr(row, name, value)
    if is_reshaped and row.runs.filter(status__in=_UNFINISHED).exists():
        raise RunClosedError(
            gettext("An unfinished run asks {name}; what it produces, and how, cannot change before that is over.").format(
                name=row.name
            )
        )
    _check_output(row, facts)
    prices = (row.input_price, row.output_price)
    for price in (*prices, row.price_per_output):
        check_amount(gettext("A price"), price, most=MOST_PRICE, places=6)
    if (prices[0] is None) != (prices[1] is None):
        raise BadEndpointError("Give both prices, for a million prompt tokens and for a million answer tokens.")
    check_count(gettext("The most calls at once"), row.max_concurrency, most=MOST_AT_ONCE)
    row.save(update_fields=list(facts))
    after = {name: str(value) for name, value in facts.items()}
    LogEntry.objects.record(row, "language_model.describe", actor=actor, data={"before": before, "after": after})
    return row


def checked_family(text: str) -> str:
    """Return the family that ``text`` names, spelled as all others are.

    Raises
    ------
    BadEndpointError
        It holds more than letters, digits, blanks, dots, hyphens and plus signs, or is too long.
    """
    family = normal_family(text)
    if not is_family_name(family):
        raise BadEndpointError(
            gettext("A family has letters, digits, blanks, dots and hyphens, 80 characters at most; a plus sign joins two.")
        )
    return family


def canonical_accepts(text: str) -> str:
    """Return the kinds that ``text`` names, in their order.

    Raises
    ------
    BadEndpointError
        It names another kind, or leaves text out: every question has words.
    """
    named = {each.strip().lower() for each in text.split(",")} - {""}
    if unknown := named - set(ACCEPTABLE):
        raise BadEndpointError(
            gettext("A model accepts {kinds}; {unknown} is none of them.").format(
                kinds=", ".join(ACCEPTABLE), unknown=", ".join(sorted(unknown))[:80]
            )
        )
    if TEXT not in named:
        raise BadEndpointError(gettext("A model accepts text at least: every question has words."))
    return ",".join(kind for kind in ACCEPTABLE if kind in named)


def _check_output(row: LanguageModel, facts: dict[str, Any]) -> None:
    if row.output not in OUTPUTS:
        raise BadEndpointError(
            gettext("A model produces {kinds}; {given} is none of them.").format(
                kinds=", ".join(OUTPUTS), given=str(row.output)[:40]
            )
        )
    if {"output", "accepts"} & set(facts) and row.kind != LanguageModel.Kind.ENDPOINT and (
        row.output != TEXT or row.accepts != TEXT
    ):
        raise BadEndpointError(gettext("Only an endpoint can take or make anything but text."))
    if row.price_per_output is not None and row.output == TEXT:
        raise BadEndpointError(gettext("A price for one output is for models that produce images, speech or videos."))
    known = OPTIONS.get(row.output, frozenset())
    for name, value in row.output_options.items():
        if name not in known:
            raise BadEndpointError(
                gettext("{name} is no option for {output}; there are: {known}.").format(
                    name=str(name)[:40], output=row.output, known=", ".join(sorted(known)) or "—"
                )
            )
        if not isinstance(value, str | int | float) or len(str(value)) > _LONGEST_OPTION:
            raise BadEndpointError(gettext("An option is a short text or a number."))
