"""Which judges of a run have a vote, on what, and whether a panel's rule can be met by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext

from bench.exceptions import BadPanelError
from bench.models import Judge, LanguageModel
from bench.scoring import ITEM_SYSTEM, RUBRICS
from bench.scoring.panel import Maker, PanelRule
from gvsir.models import ValueSystem


def voters_by_system(judges: Iterable[Judge]) -> dict[str, list[Judge]]:
    """Return the judges that score each value system; one that only checks another judge has no vote."""
    voters: dict[str, list[Judge]] = defaultdict(list)
    for judge in judges:
        rubric = RUBRICS.get(judge.config.get("rubric", ""))
        if rubric is None or not rubric.alone:
            voters[rubric.system if rubric else ITEM_SYSTEM].append(judge)
    return dict(voters)


def maker_of(model: LanguageModel | None) -> Maker:
    """Return who judges by ``model``; rules are of nobody's making."""
    return Maker() if model is None else Maker.of(key=model.pk, identifier=model.model_identifier, family=model.family)


def answering_maker(*, key: int, identifier: str, recorded_from: str, family: str) -> Maker:
    """Return who answers: of recorded responses, whom the recording names."""
    return Maker.of(key=key, identifier=recorded_from.partition("@")[0] or identifier, family=family)


def check_panel(rule: PanelRule, language_models: Sequence[LanguageModel], judges: Iterable[Judge]) -> None:
    """Refuse a rule by which no answer could have a score, whatever the judges say.

    Raises
    ------
    BadPanelError
        On one of the value systems that the judges rate, fewer of them than the rule asks for can vote on an answer
        of any of these models.
    """
    if rule.least_votes is None:
        return
    answering = [
        answering_maker(
            key=model.pk, identifier=model.model_identifier, recorded_from=model.recorded_from, family=model.family
        )
        for model in language_models
    ]
    for system, voters in voters_by_system(judges).items():
        makers = [maker_of(judge.language_model) for judge in voters]
        most = max(sum(not maker.is_same_kind(each) for maker in makers) for each in answering)
        if most < rule.least_votes:
            raise BadPanelError(
                gettext(
                    "A score on {system} would need {needed} valid votes, and of the judges of this run that rate it at "
                    "most {most} can vote on an answer: no answer could have a score. Ask for fewer votes, or name more "
                    "judges; one of the answering model's own family never counts."
                ).format(system=_name_of(system), needed=rule.least_votes, most=most)
            )


def _name_of(system: str) -> str:
    if system == ITEM_SYSTEM:
        return gettext("the GVS-Scale")
    found = ValueSystem.objects.filter(key=system).order_by("version").last()
    return found.label if found is not None else system
