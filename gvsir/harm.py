"""A word list that says which texts to fold before they are shown.

A display guard, used when incidents are imported. It is no coding: it says nothing of what happened,
errs on the side of folding, and is never counted, exported as a finding, or used to derive items.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class HarmRule(NamedTuple):
    """``pattern`` in a text folds it as ``harm`` (a value of ``Incident.Harm``); ``name`` names the rule."""

    name: str
    harm: str
    pattern: re.Pattern[str]


_MINOR = (
    r"(?:child(?:ren)?|minors?|underage|teen(?:s|ager?s?)?|girls?|boys?|classmates?|school\w*|preteens?|infants?|toddlers?"
    r"|(?:[1-9]|1[0-7])[- ]years?[- ]olds?)"
)
_SEXUAL = (
    r"(?:sex(?:ts?|ting|tortion|uali[sz]\w*|ually|ual(?! (?:orientation|identity|minorit)))?(?! (?:discrimination|bias))"
    r"|nudes?|nudity|naked|nudif\w*|undress\w*|porn\w*|explicit (?:image|photo|video|deepfake|content)s?"
    r"|molest\w*|rap(?:e|ed|es|ist|ists)|erotic\w*|intimate (?:image|photo|video)s?)"
)
_GROOMING = rf"(?:grooming|groomed|{_SEXUAL})"

#: Tried in this order; the first that fits wins.
RULES: Final[tuple[HarmRule, ...]] = (
    HarmRule(
        "self-harm-words", "self_harm",
        re.compile(
            r"\bsuicid\w*|\bself[- ]?(?:harm|injur)\w*|\b(?:kill|killed|killing|hang|hanged) (?:him|her|them|my|your)sel\w+"
            r"|\b(?:took|taking|take|ended|ending|end) (?:his|her|their|one's|your) (?:own )?li(?:fe|ves)\b"
            r"|\banorexi\w*|\beating disorder",
            re.IGNORECASE,
        ),
    ),
    HarmRule(
        "minors-sexual-words", "minors",
        re.compile(
            rf"\bcsam\b|\bchild (?:sexual )?abuse|\bpa?edophil\w*"
            rf"|\b{_MINOR}\b.{{0,200}}\b{_GROOMING}\b|\b{_GROOMING}\b.{{0,200}}\b{_MINOR}\b",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    HarmRule("sexual-words", "sexual", re.compile(rf"\b(?:non-?consensual|sextortion|{_SEXUAL})\b", re.IGNORECASE)),
    HarmRule(
        "graphic-violence-words", "violence",
        re.compile(
            r"\b(?:behead\w*|decapitat\w*|dismember\w*|mutilat\w*|tortur\w*|massacre\w*|gore|gory|stabb\w*"
            r"|mass shooting\w*|lynch(?:ed|ing|ings)|execution[- ]style|bloodied)\b",
            re.IGNORECASE,
        ),
    ),
)


def harm_of(*texts: str) -> str:
    """Return the kind of harm that ``texts`` may do to a reader, or "".

    Examples
    --------
    >>> harm_of("A chatbot encouraged a user's suicide")
    'self_harm'
    >>> harm_of("A lawyer cited a case that does not exist")
    ''
    """
    whole = "\n".join(texts)
    for rule in RULES:
        if rule.pattern.search(whole):
            return rule.harm
    return ""
