"""Fold a text that may hurt; the reader's choice is remembered for the session."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from bench.content_warning import content_warning

register = template.Library()


@register.simple_block_tag
def foldable(content: str, category_key: str) -> SafeString:
    """Wrap the block in a closed fold where its category calls for a content warning.

    ``content`` is what the template engine rendered between the tags, so it is escaped already.
    """
    kind = content_warning(category_key)
    inner = mark_safe(content)  # noqa: S308
    if kind is None:
        return inner
    return format_html(
        '<details class="fold mb-2" data-remember="{}"><summary><span>{}</span></summary><div>{}</div></details>',
        category_key, gettext("It may hurt: {kind}").format(kind=kind), inner,
    )
