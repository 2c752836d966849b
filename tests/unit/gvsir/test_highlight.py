"""What a search found is marked, and nothing of a text becomes markup."""

from __future__ import annotations

import pytest

from gvsir.views.highlight import asked_for, marked, snippet


def test_every_form_of_a_word_is_marked():
    text = marked("Citations cited; a citation, not a city", asked_for("citation"))
    assert text == "<mark>Citations</mark> cited; a <mark>citation</mark>, not a city"


def test_markup_in_a_text_is_escaped_inside_and_outside_a_mark():
    text = marked("<b>cases</b> & <script>case</script>", asked_for("case"))
    assert text == "&lt;b&gt;<mark>cases</mark>&lt;/b&gt; &amp; &lt;script&gt;<mark>case</mark>&lt;/script&gt;"


def test_a_query_is_never_markup():
    assert marked("b", asked_for("<b>")) == "<mark>b</mark>"


@pytest.mark.parametrize(
    ("query", "expected"),
    [("人脸", "某公司的<mark>人脸</mark>识别系统😀"), ("人脸识别", "某公司的<mark>人脸识</mark><mark>别</mark>系统😀")],
)
def test_characters_in_a_run_without_spaces_are_marked(query, expected):
    assert marked("某公司的人脸识别系统😀", asked_for(query)).replace("</mark><mark>", "") == expected.replace(
        "</mark><mark>", ""
    )


def test_nothing_asked_marks_nothing():
    assert marked("a < b", asked_for("")) == "a &lt; b"


def test_a_snippet_starts_where_the_text_starts_if_the_hit_is_near():
    text = "A citation " + "word " * 100
    found = snippet(text, asked_for("citation"), most=50)
    assert found.startswith("A <mark>citation</mark> word")
    assert found.endswith(" …")
    assert len(found) < 80


def test_a_snippet_of_a_late_hit_shows_the_hit():
    text = "word " * 200 + "citation " + "more " * 100
    found = snippet(text, asked_for("citation"))
    assert found.startswith("… word")
    assert "<mark>citation</mark>" in found


def test_a_short_text_is_its_own_snippet():
    assert snippet("Short.", asked_for("")) == "Short."
