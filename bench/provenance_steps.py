"""The provenance steps of this app: cell, score, judgement, response, item, published score, measurement."""

from __future__ import annotations

from statistics import fmean
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.querysets import visible_codings
from bench.models import (
    Item,
    Judge,
    Judgement,
    LanguageModel,
    Measurement,
    PublishedScore,
    ReleaseItem,
    Response,
    Run,
    Score,
)
from bench.querysets import item_by_public_id, scores_of_cell
from bench.rule_words import shown_reason
from gvsir.models import Incident, ValueDimension
from gvsir.permissions import allowed
from gvsir.provenance import Reference, Step, register
from gvsir.stored_sentences import in_readers_language

#: Scores of a cell that the trail walks into; the rest are in the list that it links to.
MOST_SCORES: Final = 10
_LARGEST: Final = 2**63 - 1


def _key(record_id: str) -> int | None:
    return int(record_id) if record_id.isascii() and record_id.isdecimal() and int(record_id) <= _LARGEST else None


def _sign_in() -> str:
    return _("The text is shown to signed-in people only, because it may be misused.")


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f}"


def cell_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of a mean: ``run-<pk>:<model>:<dimension>``, resting on its scores."""
    parts = record_id.split(":")
    if len(parts) != 3 or not parts[0].startswith("run-"):
        return None
    run_pk, model_pk, dimension = _key(parts[0].removeprefix("run-")), _key(parts[1]), parts[2]
    run = Run.objects.select_related("release").filter(pk=run_pk).first() if run_pk is not None else None
    model = LanguageModel.objects.filter(pk=model_pk).first() if model_pk is not None else None
    if run is None or model is None:
        return None
    scores = scores_of_cell(run=run.pk, language_model=model.pk, dimensions=[dimension])
    values = list(scores.values_list("pk", "value", "trial__release_item"))
    found = ValueDimension.objects.filter(pk__in=scores.order_by().values("dimension")).first()
    if not values or found is None:
        return None
    by_item: dict[int, list[float]] = {}
    for _pk, value, item in values:
        if value is not None:
            by_item.setdefault(item, []).append(value)
    n_scored = sum(map(len, by_item.values()))
    mean = fmean(map(fmean, by_item.values())) if by_item else None
    url = f"{reverse('score_list')}?run={run.pk}&model={model.pk}&dimension={dimension}"
    return Step(
        kind="cell", id=record_id, title=f"{model.name}: {found.label}", url=url,
        badges=(*model.badges, *_run_badges(run)),
        facts=(
            (_("mean of its items"), _number(mean)),
            (_("scores"), str(n_scored)),
            (_("missing"), str(len(values) - n_scored)),
            (_("followed here"), _("{shown} of {all}").format(shown=min(MOST_SCORES, len(values)), all=len(values))),
        ),
        next=tuple(("score", str(pk)) for pk, _value, _item in values[:MOST_SCORES]),
        extra={
            "digits": 1, "value": mean, "dimension": found, "n": n_scored, "scale_high": found.system.scale_high, "model": model,
            "run_url": run.get_absolute_url(),
        },
    )


def _run_badges(run: Run) -> tuple[str, ...]:
    return ("demonstration",) if run.is_demonstration or run.release.is_demonstration else ()


def score_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of a score: resting on its judgements, the response and the item as released."""
    key = _key(record_id)
    score = Score.objects.select_related(
        "run__release", "dimension__system", "trial__language_model", "trial__release_item__item"
    ).filter(pk=key).first() if key is not None else None
    if score is None:
        return None
    trial = score.trial
    item = trial.release_item.item
    judgements = score.judgements.order_by("pk").values_list("pk", flat=True)
    after: list[Reference] = [("judgement", str(pk)) for pk in judgements]
    after.append(("response", str(trial.response_id)))
    after.append(("item", f"{item.public_id}@{score.run.release.name}"))
    return Step(
        kind="score", id=str(score.pk), title=f"{trial.language_model.name}: {score.dimension.label}",
        url=score.get_absolute_url(),
        badges=(*trial.language_model.badges, *_run_badges(score.run)),
        facts=(
            (_("value"), _number(score.value)),
            *(((_("missing"), score.missing_reason),) if score.value is None else ()),
            (_("judgements"), str(score.n_judgements)),
            (ngettext("run", "runs", 1), str(score.run_id)),
            (_("language"), trial.language),
            (_("repeat"), str(trial.epoch)),
        ),
        next=tuple(after),
        extra={
            "digits": 1, "value": score.value, "dimension": score.dimension, "missing_reason": score.missing_reason, "n": 1,
            "scale_high": score.dimension.system.scale_high,
            "model": trial.language_model, "run_url": score.run.get_absolute_url(), "item": item.public_id,
            "language": trial.language,
        },
    )


def judgement_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of a judgement: what the judge said, resting on the response."""
    key = _key(record_id)
    judgement = Judgement.objects.select_related("judge", "release_item__item__category").filter(pk=key).first() if key is not None else None
    if judgement is None:
        return None
    may_read = allowed(viewer, "response.view_text")
    is_heuristic = judgement.judge.kind == Judge.Kind.HEURISTIC
    facts = [
        (_("judge"), judgement.judge.name), (_("value"), _number(judgement.value)),
        (_("state"), judgement.get_state_display()),
    ]
    if judgement.missing_reason:
        facts.append((_("missing"), judgement.missing_reason))
    if judgement.refusal:
        facts.append((_("refusal"), judgement.get_refusal_display()))
    return Step(
        kind="judgement", id=str(judgement.pk),
        title=_("{value} of 10, by {judge}").format(value=_number(judgement.value), judge=judgement.judge.name),
        text=shown_reason(judgement) if may_read else "",
        withheld="" if may_read or not judgement.reason else _sign_in(),
        url=f"{reverse('response_detail', args=[judgement.response_id])}#judgement-{judgement.pk}",
        badges=("heuristic",) if is_heuristic else ("unvalidated",),
        facts=tuple(facts),
        next=(("response", str(judgement.response_id)),),
        extra={"warning_key": judgement.release_item.item.category.key},
    )


def response_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of a response: what the model said, resting on the items it answered."""
    key = _key(record_id)
    response = Response.objects.select_related("language_model").filter(pk=key).first() if key is not None else None
    if response is None:
        return None
    may_read = allowed(viewer, "response.view_text")
    items = list(
        ReleaseItem.objects.filter(trials__response=response)
        .select_related("item__category", "release").distinct().order_by("pk")
    )
    return Step(
        kind="response", id=str(response.pk),
        title=_("{state}, by {model}").format(
            state=response.get_state_display(), model=response.language_model.name
        ),
        text=response.text if may_read else "",
        withheld="" if may_read or not (response.text or response.output) else _sign_in(),
        url=response.get_absolute_url(),
        badges=response.language_model.badges,
        facts=(
            (_("model"), response.language_model.name),
            (_("repeat"), str(response.epoch)),
            (_("calls"), str(response.attempts)),
            *(((_("file"), f"{response.output.media_type} {response.output.sha256}"),) if response.output else ()),
            *(((_("error"), response.error),) if response.error and may_read else ()),
        ),
        next=tuple(("item", f"{each.item.public_id}@{each.release.name}") for each in items),
        extra={
            "warning_key": items[0].item.category.key if items else "",
            **({"response": response, "file": response.output} if response.output and may_read else {}),
        },
    )


def item_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of an item, ``T-7`` as it is now or ``T-7@<release>`` as it was released."""
    public_id, _at, release_name = record_id.partition("@")
    item = item_by_public_id(public_id)
    if item is None:
        return None
    frozen = None
    if release_name:
        frozen = ReleaseItem.objects.select_related("release").filter(item=item, release__name=release_name).first()
        if frozen is None:
            return None
    content: dict[str, Any] = frozen.content if frozen else {
        "prompt": item.prompt, "focus": item.focus, "stance": item.stance,
    }
    may_read = allowed(viewer, "item.view_text")
    codings = visible_codings(viewer).filter(items=item).order_by(
        "assignment__coder__key", "segment__start_codepoint", "pk"
    )
    after: list[Reference] = [("coding", str(pk)) for pk in codings.values_list("pk", flat=True)]
    incident = Incident.objects.all().visible_to(viewer).filter(pk=item.incident_id).first()
    if not after and incident is not None:
        after = [("incident", str(incident.number))]
    facts = [(_("stance"), str(dict(Item.Stance.choices).get(content["stance"], content["stance"]))), (_("review"), item.get_status_display())]
    if frozen:
        facts.append((ngettext("release", "releases", 1), frozen.release.name))
    if item.template:
        facts.append((_("template"), item.template))
    is_demonstration = bool(frozen and frozen.release.is_demonstration)
    return Step(
        kind="item", id=record_id,
        title=_("{id} as released in {name}").format(id=item.public_id, name=release_name) if frozen else item.public_id,
        text="\n\n".join((content["prompt"]["zh"], content["prompt"]["en"])) if may_read else "",
        withheld="" if may_read else _sign_in(),
        url=item.get_absolute_url(),
        badges=(*(("model-made",) if item.is_model_made else ()), *(("demonstration",) if is_demonstration else ())),
        facts=tuple(facts),
        next=tuple(after),
        ends="" if after else _("Ends here: the item names no incident that is shown."),
        extra={
            "dimension": item.category, "incident": incident.public_id if incident else "",
            **({
                "prompt": content["prompt"], "focus": content["focus"], "id": item.public_id,
                "images": content.get("attachments", ()),
            } if may_read else {}),
        },
    )


def published_score_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of a published number, resting on the published table."""
    key = _key(record_id)
    score = PublishedScore.objects.select_related(
        "language_model", "dimension", "measurement"
    ).filter(pk=key).first() if key is not None else None
    if score is None:
        return None
    return Step(
        kind="published-score", id=str(score.pk), title=f"{score.language_model.name}: {score.dimension.label}",
        url=reverse("provenance", args=["published-score", score.pk]), badges=("imported",),
        facts=(
            (_("value as published"), f"{score.value:g}"),
            (_("interval"), _("— (none was published)")),
        ),
        next=(("measurement", str(score.measurement_id)),),
        extra={
            "value": score.value, "dimension": score.dimension, "n": None,
            "scale_high": score.measurement.scale_high, "model": score.language_model, "digits": "-4",
        },
    )


def measurement_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of a published table; the trail ends here, and says why."""
    key = _key(record_id)
    found = Measurement.objects.select_related("source", "system").filter(pk=key).first() if key is not None else None
    if found is None:
        return None
    n_cases = f"{found.n_cases:,}" if found.n_cases is not None else _("an unknown number of")
    return Step(
        kind="measurement", id=str(found.pk), title=found.label,
        url=f"{reverse('leaderboard', args=[found.system.key])}?measurement={found.key}", badges=("imported",),
        facts=(
            (_("value system"), found.system.label),
            (_("source"), f"{found.source.name} {found.source.version}".strip()),
            (_("licence"), in_readers_language(found.source.licence)),
            (_("SHA-256 of the file"), found.sha256),
        ),
        ends=_("Ends here: {n} cases were counted by the publisher; their texts are not carried (no licence).").format(
            n=n_cases
        ),
        extra={"source_url": found.source.url},
    )


for _kind, _resolver in (
    ("cell", cell_step),
    ("score", score_step),
    ("judgement", judgement_step),
    ("response", response_step),
    ("item", item_step),
    ("published-score", published_score_step),
    ("measurement", measurement_step),
):
    register(_kind, _resolver)
