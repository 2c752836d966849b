"""Sentences of pure modules and of the shipped coding, marked for the catalogs.

Pure modules know no Django, and stored texts are data; pages show both with the filter ``translated``,
which finds the sentences listed here.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

#: Why a statistic of :mod:`annotation.agreement` has no value, and how an interval was made.
OF_STATISTICS: Final = (
    gettext_noop("No unit has two ratings."),
    gettext_noop("All ratings are the same, so there is no chance disagreement to compare with."),
    gettext_noop("No unit was rated by both coders."),
    gettext_noop("Both coders used one and the same category only."),
    gettext_noop("There is only one unit to draw from, so an interval has no meaning."),
    gettext_noop("No resample has an alpha: all ratings in each are the same."),
    gettext_noop("percentile bootstrap of units"),
    gettext_noop("percentile bootstrap of clusters"),
)

#: Who made the shipped demonstration coding, as ``fixtures/coding/demonstration.json`` says it.
OF_THE_DEMONSTRATION: Final = (
    gettext_noop(
        "Model-made demonstration coding: two passes by a language model (Claude), made independently of one "
        "another with the same codebook in November 2026. It is neither people's coding nor that of the "
        "GVS-Scale paper. Both passes are of one model family and share its habits, so their agreement is "
        "higher than two people's would be; it shows how the statistics work, not how reliable the scale is."
    ),
    gettext_noop(
        "First pass by a language model (Claude), working from the codebook alone; every incident read and "
        "coded on its own merits."
    ),
    gettext_noop(
        "Second pass by a language model (Claude) made apart from the first pass and without sight of it; same "
        "codebook, same order."
    ),
    gettext_noop("Opened with the demonstration, to try coding."),
    gettext_noop("GVS demonstration codebook"),
    gettext_noop("Demonstration"),
    gettext_noop("Demonstration pass A"),
    gettext_noop("Demonstration pass B"),
)

#: What a document is made of, as ``annotation.actions.freeze_document`` says it.
OF_DOCUMENTS: Final = (gettext_noop("title and editors' description"),)
