"""The colour tokens of the stylesheet: contrast of text and marks in both themes."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import gvsir

STYLESHEET = Path(gvsir.__path__[0]) / "static" / "gvsir" / "gvsir.css"
THEMES = ("light", "dark")
SURFACES = ("paper", "sheet", "wash")
TEXT_PAIRS = [
    *itertools.product(("ink", "ink-2", "ink-3", "accent", "accent-hover"), SURFACES),
    ("on-accent", "accent"), ("on-accent", "accent-hover"), ("accent-hover", "accent-wash"),
    ("ink", "accent-wash"), ("ink", "warn-wash"), ("warn", "warn-wash"), ("ink", "error-wash"),
    ("error", "error-wash"), ("paper", "ink"),
]
MARK_PAIRS = [
    *itertools.product(
        ("rule-strong", "focus", *(f"layer-{n}" for n in range(1, 4)), *(f"cat-{n}" for n in range(1, 13))),
        ("paper", "sheet"),
    ),
    ("warn", "warn-wash"),
]


def tokens(theme: str) -> dict[str, str]:
    """The colours of a theme; the dark one redefines some of the light one's."""
    text = STYLESHEET.read_text(encoding="utf-8")
    blocks = re.findall(r'(?ms)^(?::root, )?\[data-bs-theme="(light|dark)"\] \{(.*?)^\}', text)
    found: dict[str, str] = {}
    for name, body in blocks:
        if name in ("light", theme):
            found.update(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6})\b", body))
    return found


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2: (L1 + 0.05) / (L2 + 0.05)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the well-known near miss


@pytest.mark.parametrize("theme", THEMES)
def test_every_token_of_a_pair_is_defined_in_the_theme(theme):
    known = tokens(theme)
    assert {name for pair in (*TEXT_PAIRS, *MARK_PAIRS) for name in pair} <= known.keys()
    assert tokens("light")["paper"] != tokens("dark")["paper"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "surface"), TEXT_PAIRS)
def test_text_has_contrast_of_at_least_4_5(theme, text, surface):
    known = tokens(theme)
    assert contrast(known[text], known[surface]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("mark", "surface"), MARK_PAIRS)
def test_marks_have_contrast_of_at_least_3(theme, mark, surface):
    known = tokens(theme)
    assert contrast(known[mark], known[surface]) >= 3


@pytest.mark.parametrize("n", range(1, 13))
def test_the_number_on_a_category_can_be_read_in_both_themes(n):
    css = STYLESHEET.read_text(encoding="utf-8")
    dark_number = re.search(r'\[data-bs-theme="dark"\] \.cat::before \{ color: (#[0-9a-f]{6})', css)[1]
    on_light_hue = set(re.findall(r"\.cat\.c(\d+)::before", css))
    light_number = "#16181b" if str(n) in on_light_hue else tokens("light")["sheet"]
    assert contrast(light_number, tokens("light")[f"cat-{n}"]) >= 4.5
    assert contrast(dark_number, tokens("dark")[f"cat-{n}"]) >= 4.5
