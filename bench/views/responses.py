"""The page of one response: what was asked, what came back, who judged it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from bench.live_run import outcome_words
from bench.models import Response
from bench.prompts import files_of, text_of
from gvsir.permissions import action_required, allowed


def words_for_output(response: Response) -> str:
    """Return what stands for a file that a model made, for who cannot see or hear it."""
    return _("What {model} made of the prompt; nobody has described it.").format(model=response.language_model.name)


@action_required("response.view")
def response_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a response; texts to signed-in roles only, always as plain text."""
    response = get_object_or_404(Response.objects.select_related("language_model"), pk=pk)
    trials = response.trials.select_related(
        "run__release", "release_item__item__category"
    ).prefetch_related("scores__dimension").order_by("pk")
    first = trials.first()
    words = outcome_words()
    shown = {
        each.get("sha256"): each.get("alt", "") for each in (first.release_item.content.get("attachments") or ())
        if isinstance(each, dict)
    } if first else {}
    return render(request, "bench/response_detail.html", {
        "warning_key": first.release_item.item.category.key if first else "",
        "response": response,
        "sent": [
            {
                "role": message.get("role"), "words": text_of(message),
                "files": [(file, shown.get(file.sha256, "")) for file in files_of([message])],
            }
            for message in response.messages
        ],
        "output_alt": words_for_output(response),
        "run": first.run if first else None,
        "judgements": response.judgements.select_related("judge", "release_item__item").prefetch_related("dimension_verdicts__dimension").order_by("pk"),
        "trials": trials,
        "failed_attempts": [
            (each, words.get(each.outcome, each.outcome)) for each in response.failed_attempts.order_by("pk")
        ],
        "shows_text": allowed(request.user, "response.view_text"),
    })
