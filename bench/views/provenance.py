"""The trail of a number, link by link, down to the sentences and reports it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from gvsir.permissions import action_required
from gvsir.provenance import Step, chain, kinds, plain_id
from gvsir.redirects import redirect_chain

#: Steps of one kind that are written out; the rest are counted.
MOST_SHOWN: Final = 12
MADE_BY: Final = ("simulated", "baseline", "recorded", "heuristic", "demonstration", "model-made", "unvalidated", "imported")


@action_required("provenance.view")
def provenance(request: HttpRequest, kind: str, id: str) -> HttpResponseBase:
    """Show the chain that starts at ``kind``/``id``."""
    if kind not in kinds():
        raise Http404(f"{kind} is nothing a trail can start from.")
    plain = _leads_to(kind, id, own="own" in request.GET)
    if plain != id:
        return HttpResponsePermanentRedirect(reverse("provenance", args=[kind, plain]))
    steps = chain(kind, id, request.user)
    if not steps:
        raise Http404("There is no such record, or it is not shown.")
    shown = [step for step in steps if step.kind in ("cell", "score")] if steps[0].kind == "cell" else steps
    links = grouped(shown)
    ends = list(dict.fromkeys(step.ends for step in steps if step.ends and step.kind != "report"))
    reaches = any(step.kind == "report" for step in steps)
    return render(request, "bench/provenance.html", {
        "start": steps[0],
        "links": links,
        "ends": ends,
        "is_mean": steps[0].kind == "cell",
        "is_complete": reaches and not ends,
        "made": [
            (word, list(dict.fromkeys(str(kind_label(step.kind)) for step in steps if word in step.badges)))
            for word in MADE_BY if any(word in step.badges for step in steps)
        ],
        "is_withheld": any(step.withheld for step in steps),
        "badges": list(dict.fromkeys(word for step in steps for word in step.badges)),
    })


def _leads_to(kind: str, given: str, *, own: bool) -> str:
    """Return the id of the trail that ``given`` means; a merged incident's is another's, unless its ``own`` is asked for."""
    plain = plain_id(kind, given)
    if kind == "incident" and plain.isdecimal() and not own:
        numbers = redirect_chain(int(plain))
        if not numbers:
            raise Http404("This number is redirected in a circle.")
        return str(numbers[-1])
    return plain


def grouped(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the steps by kind, in the order in which the kinds are first reached."""
    by_kind: dict[str, list[Step]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step)
    by_kind["sentence"] = [coloured(step, steps) for step in by_kind.get("sentence", ())]
    by_kind = {kind: found for kind, found in by_kind.items() if found}
    order = [kind for kind in ORDER if kind in by_kind] + [kind for kind in by_kind if kind not in ORDER]
    return [
        {
            "kind": kind, "label": kind_label(kind, plural=len(by_kind[kind]) > 1), "n": len(by_kind[kind]),
            "steps": by_kind[kind][:MOST_SHOWN],
            "n_more": max(len(by_kind[kind]) - MOST_SHOWN, 0) if kind != "report" else 0,
            "all": by_kind[kind],
            "template": f"bench/_step_{kind.replace('-', '_')}.html" if kind in OWN_TEMPLATES else "bench/_step.html",
        }
        for kind in order
    ]


def coloured(sentence: Step, steps: Sequence[Step]) -> Step:
    """Return ``sentence`` with the number of the category that its first coding in the trail gives it."""
    for step in steps:
        category = step.extra.get("category")
        if category is not None and ("sentence", sentence.id) in step.next:
            return replace(sentence, extra={**sentence.extra, "order": category.order})
    return sentence


#: Kinds from the number down; what is not named comes after, as it is reached.
ORDER: Final = (
    "cell", "published-score", "measurement", "score", "judgement", "response", "item", "coding", "sentence",
    "incident", "report",
)
OWN_TEMPLATES: Final = frozenset({"cell", "published-score", "score", "item", "coding", "sentence", "report"})


def kind_label(kind: str, *, plural: bool = False) -> str:
    """Return what a link of the trail is called."""
    labels = {
        "cell": (_("Mean"), _("Means")),
        "score": (_("Score"), _("Scores")),
        "published-score": (_("Published number"), _("Published numbers")),
        "measurement": (_("Published table"), _("Published tables")),
        "judgement": (_("Judgement"), _("Judgements")),
        "response": (_("Response"), _("Responses")),
        "item": (_("Item"), _("Items")),
        "coding": (_("Coding"), _("Codings")),
        "sentence": (_("Sentence"), _("Sentences")),
        "incident": (_("Incident"), _("Incidents")),
        "report": (_("Report"), _("Reports")),
    }
    return labels.get(kind, (kind, kind))[int(plural)]
