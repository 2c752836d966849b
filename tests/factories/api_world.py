"""One record of every kind, and a marker in every text that some readers must not get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from annotation.actions.coders import coder_of
from annotation.models import Assignment, Coding, Round
from bench.models import Item, Response, Run, Score
from gvsir.models import Incident
from tests.factories.annotation import (
    close,
    make_assignment,
    make_categories,
    make_coding,
    make_document,
    make_memo,
    make_round,
)
from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score
from tests.factories.gvsir import (
    make_classification,
    make_coder,
    make_incident,
    make_report,
    make_taxonomy_field,
    make_taxonomy_version,
    make_user,
)

#: Stands in every text that an anonymous reader must not get.
SECRET = "XYZZY-WITHHELD"
#: Stands in what only curators may read.
ENDPOINT = "XYZZY-ENDPOINT"
#: Stands in everything that coder B made in an open round.
BLIND = "XYZZY-BLIND"


@dataclass(kw_only=True)
class World:
    """The records a test asks for by name."""

    incident: Incident
    folded: Incident
    draft: Incident
    closed: Round
    coding: Coding
    item: Item
    run: Run
    score: Score
    response: Response


def make_world(size: int = 1) -> World:
    """Return a repository with ``size`` of everything."""
    for _ in range(size):
        world = _make_one()
    return world


def _make_one() -> World:
    n = Incident.objects.count()
    incident = make_incident(title="A chatbot cites a ruling 😀 判决", developers=(f"maker-{n}",))
    folded = make_incident(harm=Incident.Harm.VIOLENCE, description=f"{SECRET} in a folded description.")
    draft = make_incident(status=Incident.Status.DRAFT, title=f"{SECRET} draft")
    make_report(incident, folded)
    make_report(draft, title=f"{SECRET} report of a draft")
    version = make_taxonomy_version(f"T{incident.number}")
    public = make_taxonomy_field(version, "Sector: kind", order=1)
    private = make_taxonomy_field(version, "Annotator", is_public=False, order=2)
    coder = make_coder()
    make_classification(incident, version, coder, {public: "health: care", private: SECRET})
    make_classification(incident, version, make_coder("annotator-2"), {public: SECRET}, is_published=False)
    make_classification(folded, version, coder, {public: SECRET}, notes=SECRET)
    closed, coding = _make_closed_round(incident, folded)
    item = make_item(
        incident=incident, prompt_en=f"{SECRET} en", prompt_zh=f"{SECRET} zh", focus_en=f"{SECRET} focus",
        focus_zh=f"{SECRET} focus zh", review_note=SECRET,
    )
    item.codings.add(coding)
    run, score, response = _make_run(item)
    return World(
        incident=incident, folded=folded, draft=draft, closed=closed, coding=coding, item=item, run=run,
        score=score, response=response,
    )


def _make_closed_round(incident: Incident, folded: Incident) -> tuple[Round, Coding]:
    closed = make_round()
    coder = coder_of(make_user("annotator"))
    assignment = make_assignment(
        round=closed, document=make_document(incident), coder=coder, stance="correct",
        status=Assignment.Status.SUBMITTED,
    )
    make_categories(assignment, "misinfo", "bias")
    coding = make_coding(assignment, "ruling 😀")
    make_memo(assignment, SECRET, text_zh=SECRET, coding=coding, kind="scenario")
    other = make_assignment(round=closed, document=make_document(folded), coder=coder)
    make_coding(other, SECRET)
    make_memo(other, SECRET)
    close(closed)
    return closed, coding


def _make_run(item: Item) -> tuple[Run, Score, Response]:
    release = make_release([item])
    spec = {"models": [{"kind": "endpoint", "base_url": f"http://{ENDPOINT}/v1"}], "seed": 7}
    run = make_run(release, spec=spec)
    language_model = make_language_model(
        base_url=f"http://{ENDPOINT}/v1", key_variable=ENDPOINT.replace("-", "_"), input_price="1.5",
    )
    score = make_score(run, item, language_model, 7.0, text=f"{SECRET} answer")
    response = score.trial.response
    response.error = SECRET
    response.save()
    judgement = score.judgements.get()
    judgement.reason = judgement.raw_text = SECRET
    judgement.save()
    judge = judgement.judge
    judge.config = {"model": {"base_url": f"http://{ENDPOINT}/v1", "key_variable": ENDPOINT}, "rubric": "r1"}
    judge.save()
    return run, score, response


def make_open_round() -> dict[str, Any]:
    """A round in which A and B code the same document; all that B makes holds ``BLIND``."""
    users: dict[str, User] = {name: make_user("annotator") for name in ("a", "b")}
    # The coder's key is public; only what B says must stay hidden.
    document = make_document(make_incident(title="One passage, another passage.", description="Text."))
    opened = make_round()
    assignments = {
        name: make_assignment(round=opened, document=document, coder=coder_of(user))
        for name, user in users.items()
    }
    for name, quote, mark in (("a", "One passage", "mine"), ("b", "another passage", BLIND)):
        assignment = assignments[name]
        assignment.stance = "warn" if name == "a" else "refuse"
        assignment.save()
        make_categories(assignment, "misinfo" if name == "a" else "copyright")
        coding = make_coding(assignment, quote, name=f"code {mark}", definition=mark)
        make_memo(assignment, f"memo {mark}", coding=coding)
        assignments[f"{name}_coding"] = coding  # type: ignore[assignment]
    return {"round": opened, "document": document, "users": users, "assignments": assignments}
