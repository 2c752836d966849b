"""Words and sentences of pure modules and of stored records, marked for the catalogs.

Pure modules know no Django, and stored texts are data; pages show both with the filter ``translated``,
which finds those listed here. A sentence with changing parts is shown as it was written.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

#: States of records as their badges show them.
OF_STATES: Final = (
    gettext_noop("proposed"),
    gettext_noop("accepted"),
    gettext_noop("rejected"),
    gettext_noop("queued"),
    gettext_noop("running"),
    gettext_noop("paused"),
    gettext_noop("finished"),
    gettext_noop("cancelled"),
    gettext_noop("failed"),
    gettext_noop("pending"),
    gettext_noop("answered"),
    gettext_noop("refused"),
    gettext_noop("content filter"),
    gettext_noop("length"),
)

#: Why a score or a judgement has no value.
OF_MISSING_VALUES: Final = (
    gettext_noop("the model was not asked"),
    gettext_noop("the run was cancelled"),
    gettext_noop("the provider refused the request"),
    gettext_noop("the provider's content filter stopped the answer"),
    gettext_noop("no answer after all retries"),
    gettext_noop("the answer is empty"),
    gettext_noop("not judged yet"),
    gettext_noop("the reply does not name it"),
    gettext_noop("not engaged"),
    gettext_noop("the quoted evidence is not in the answer"),
    gettext_noop("the reply is empty"),
    gettext_noop("empty reply"),
    gettext_noop("empty answer"),
    gettext_noop("no line beginning with Score:"),
)
