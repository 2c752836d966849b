"""Sentences of the shipped reference data, marked for the catalogs; pages show them with ``translated``."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

#: What ``gvsir load_reference`` says of each value system.
OF_VALUE_SYSTEMS: Final = (
    gettext_noop("GenAI Value Safety Scale: 3 layers, 12 categories. Scores 0-10, higher is safer."),
    gettext_noop("Ten values in circular order, in four higher-order groups. Scores 0-100 as published."),
    gettext_noop("Five moral foundations. Scores 0-100 as published."),
    gettext_noop("Three dimensions, six sub-dimensions found in language models. Scores 0-100 as published."),
    gettext_noop("6 domains, 16 tasks, 66 categories. Scores 0-100 on domains, higher is safer, as published."),
)
