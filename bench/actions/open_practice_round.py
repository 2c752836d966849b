"""A small open round of the demonstration, so that its annotator and curator have something to code."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from annotation.actions.open_round import assign, open_round
from annotation.models import Codebook, Document, Round
from gvsir.models import Incident

PRACTICE_ROUND = "Practice"
# Real incidents about generative AI that the demonstration coding leaves uncoded, newest first.
_NUMBER_OF_INCIDENTS = 12
_SUBJECT = "chatbot"


@transaction.atomic
def open_practice_round(*, codebook: Codebook, annotator: Any, curator: Any) -> Round:
    """Return the practice round, opened on the first call."""
    present = Round.objects.filter(name=PRACTICE_ROUND).first()
    if present is not None:
        return present
    made = open_round(
        name=PRACTICE_ROUND, codebook=codebook, actor=curator, note="Opened with the demonstration, to try coding."
    )
    incidents = (
        Incident.objects.filter(status=Incident.Status.PUBLISHED, harm="", title__icontains=_SUBJECT)
        .exclude(pk__in=Document.objects.values("incident_id"))
        .order_by("-date", "-number")[:_NUMBER_OF_INCIDENTS]
    )
    assign(
        round_id=made.pk, incidents=list(incidents), coders=[annotator.coder, curator.coder], actor=curator
    )
    return made
