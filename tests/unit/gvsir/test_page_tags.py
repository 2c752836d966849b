"""The components: a missing value says why, a category is named as well as coloured."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gvsir.templatetags.gvsir_tags import badge, category, layer, number, score


def test_a_score_shows_its_half_width():
    assert score(7.44, 0.26) == '<span class="num nowrap">7.4 <span class="u">± 0.3</span></span>'


def test_two_ends_become_a_half_width_and_a_title():
    shown = score(7.0, (6.5, 8.0), digits=2)
    assert "± 0.75" in shown
    assert "6.50 to 8.00" in shown


def test_a_missing_score_is_a_dash_with_its_reason_and_never_0():
    shown = score(None, 0.3, reason="<no> answer was parsable")
    assert "—" in shown
    assert "&lt;no&gt; answer was parsable" in shown
    assert "0" not in shown


def test_zero_is_a_score():
    assert score(0.0) == '<span class="num">0.0</span>'


@pytest.mark.parametrize("interval", [None, (None, None)])
def test_a_score_without_interval_stands_alone(interval):
    assert score(3.14, interval) == '<span class="num">3.1</span>'


def test_a_category_is_named_numbered_and_coloured_and_escaped():
    shown = category(SimpleNamespace(order=7, label="Facts & <b>"), url="/x?a=1&b=2")
    assert shown == '<a class="cat c7" data-n="7" href="/x?a=1&amp;b=2">Facts &amp; &lt;b&gt;</a>'
    assert "l2" in layer(SimpleNamespace(order=2, label="Universal"))


def test_a_known_badge_explains_itself_and_an_unknown_word_is_a_state():
    assert badge("model-made").startswith('<span class="badge-s model-made" title="')
    assert badge("in_review") == '<span class="badge-s state">in review</span>'
    assert "<i>" not in badge("<i>")


def test_counts_are_set_apart_by_thousands():
    assert number(1367) == "1,367"
    assert number(None) == "—"
