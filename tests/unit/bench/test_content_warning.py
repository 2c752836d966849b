"""Texts that may hurt are folded by the category of their item."""

from __future__ import annotations

from django.template import Context, Template

TEMPLATE = Template('{% load content_warning_tags %}{% foldable key %}<p>{{ text }}</p>{% endfoldable %}')


def rendered(key: str, text: str = "words") -> str:
    return TEMPLATE.render(Context({"key": key, "text": text}))


def test_a_text_about_violence_is_closed_and_says_what_it_is():
    html = rendered("violence_hate")
    assert "<details class=\"fold" in html
    assert " open" not in html.split("<summary>")[0]
    assert "violence or hatred" in html
    assert html.index("violence or hatred") < html.index("words")


def test_a_text_about_hallucinations_is_not_folded():
    assert rendered("misinfo") == "<p>words</p>"


def test_text_inside_a_fold_stays_escaped():
    assert "&lt;script&gt;" in rendered("bias", "<script>")


def test_every_category_that_is_folded_is_one_of_the_scale():
    from bench.content_warning import WARNINGS
    from bench.derivation import CATEGORIES

    assert set(WARNINGS) < set(CATEGORIES)
