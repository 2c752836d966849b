"""The table of judges against people, beside people against people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from bench.models import Judge


@dataclass(frozen=True, kw_only=True)
class AgreementCell:
    """What stands in a cell: text, small print behind it, and the reason where the text is missing."""

    text: str = ""
    small: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class AgreementRow:
    """A measure: its name, what is better, one cell for each judge, and people with people."""

    name: str
    hint: str
    judges: list[AgreementCell]
    people: AgreementCell


def agreement_rows(agreements: Sequence[tuple[Judge, dict[str, Any]]]) -> list[AgreementRow]:
    """Return the rows; none where there is no judge."""
    if not agreements:
        return []
    numbers = [each for _, each in agreements]
    first = numbers[0]
    measures = [
        ("kappa", gettext("Quadratic kappa"), gettext("1 is perfect, 0 is chance"), 2),
        ("kappa_folded", gettext("Quadratic kappa, 0–10 folded to 0–5"), gettext("1 is perfect, 0 is chance"), 2),
        ("icc", gettext("ICC(2,1)"), gettext("absolute agreement, 1 is perfect"), 2),
        ("alpha", gettext("Krippendorff's alpha, interval"), gettext("1 is perfect, 0 is chance"), 2),
        ("mae", gettext("Mean absolute difference"), gettext("in points, 0 is perfect"), 2),
    ]
    rows = [
        AgreementRow(
            name=name, hint=hint, judges=[_measure(each, "judge_human", key, digits) for each in numbers],
            people=_measure(first, "human_human", key, digits),
        )
        for key, name, hint, digits in measures
    ]
    no_direction = AgreementCell(reason=gettext("Between people it has no direction."))
    only_judges = AgreementCell(reason=gettext("It is asked of judges only."))
    rows.append(AgreementRow(
        name=gettext("Bias"), hint=gettext("judge less people, in points; above 0 the judge is generous"),
        judges=[_bias(each) for each in numbers], people=no_direction,
    ))
    rows.append(AgreementRow(
        name=gettext("Alternative annotator test"), hint=gettext("may the judge stand in for a person?"),
        judges=[_alternative(each) for each in numbers], people=only_judges,
    ))
    for key, name in (
        ("kappa", gettext("Refused: kappa")), ("precision", gettext("Refused: precision")), ("recall", gettext("Refused: recall")),
    ):
        rows.append(AgreementRow(
            name=name, hint=gettext("against what most people say"), judges=[_refusal(each, key) for each in numbers],
            people=only_judges,
        ))
    return rows


def _measure(numbers: dict[str, Any], who: str, key: str, digits: int) -> AgreementCell:
    value = numbers[who][key]
    if value is None:
        return AgreementCell(reason=numbers["reasons"].get(f"{who}.{key}", ""))
    return AgreementCell(text=f"{value:.{digits}f}")


def _bias(numbers: dict[str, Any]) -> AgreementCell:
    bias = numbers["bias"]
    if bias is None:
        return AgreementCell(reason=numbers["reasons"].get("bias", ""))
    small = "" if bias["low"] is None else f"{bias['low']:+.2f} … {bias['high']:+.2f}"
    return AgreementCell(text=f"{bias['value']:+.2f}", small=small)


def _alternative(numbers: dict[str, Any]) -> AgreementCell:
    test = numbers["alternative_annotator"]
    if test is None:
        return AgreementCell(reason=numbers["reasons"].get("alternative_annotator", ""))
    verdict = gettext("yes") if test["passes"] else gettext("no")
    small = gettext("wins against {rate} of {n} people").format(rate=f"{test['winning_rate']:.0%}", n=test["n_tested"])
    return AgreementCell(text=verdict, small=small)


def _refusal(numbers: dict[str, Any], key: str) -> AgreementCell:
    found = numbers["refusal"]
    if found is None:
        return AgreementCell(reason=numbers["reasons"].get("refusal", ""))
    if found[key] is None:
        return AgreementCell(reason=gettext("The judge or the people never say refused, or always."))
    return AgreementCell(text=f"{found[key]:.2f}", small=f"n {found['n']}")
