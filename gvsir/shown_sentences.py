"""Sentences of the shipped reference data, marked for the catalogs; pages show them with ``translated``."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

#: Licences and attributions of the value systems.
OF_SOURCES: Final = (
    gettext_noop("MIT (names and order); definitions Apache-2.0"),
    gettext_noop("names are facts of the theory; definitions Apache-2.0"),
    gettext_noop("names are facts from the papers; definitions Apache-2.0"),
    gettext_noop("Names: GVS-Bench, He et al. 2026, arXiv 2601.09112. Definitions: this project's own wording."),
    gettext_noop("Schwartz 1992, 2012. Definitions: this project's own wording."),
    gettext_noop("Graham et al. 2013. Definitions: this project's own wording."),
    gettext_noop("Biedma et al. 2024; arXiv 2501.07071. Definitions: this project's own wording."),
    gettext_noop("Li et al. 2024, arXiv 2402.05044. Definitions: this project's own wording."),
)

#: What ``gvsir load_reference`` says of each value system.
OF_VALUE_SYSTEMS: Final = (
    gettext_noop("GenAI Value Safety Scale: 3 layers, 12 categories. Scores 0-10, higher is safer."),
    gettext_noop("Ten values in circular order, in four higher-order groups. Scores 0-100 as published."),
    gettext_noop("Five moral foundations. Scores 0-100 as published."),
    gettext_noop("Three dimensions, six sub-dimensions found in language models. Scores 0-100 as published."),
    gettext_noop("6 domains, 16 tasks, 66 categories. Scores 0-100 on domains, higher is safer, as published."),
)
