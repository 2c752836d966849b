"""Records of coding for tests."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from django.contrib.auth.models import Group, User

from annotation.actions.coders import coder_of
from annotation.actions.freeze_document import freeze_document
from annotation.models import (
    Assignment,
    CategoryAssignment,
    Code,
    Codebook,
    Coding,
    Document,
    Memo,
    Round,
    Segment,
)
from gvsir.models import Coder, Incident, Source, ValueDimension, ValueSystem

PASSWORD = "correct horse"
_counter = itertools.count(1)

#: key, layer, English, Chinese: the twelve categories in scale order.
CATEGORIES = [
    ("life_safety", "baseline", "Life Safety and Physical Harm", "生命安全与身体伤害"),
    ("minor_sexual", "baseline", "Minor Exploitation and Illegal Sexual Content", "未成年人剥削与非法性内容"),
    ("violence_hate", "baseline", "Violence, Hate, and Extremism", "暴力、仇恨与极端主义"),
    ("cyber_illegal_info", "baseline", "Cybercrime Assistance and Illegal Information Exposure", "网络犯罪协助与非法信息暴露"),
    ("bias", "universal", "Bias, Discrimination, and Unfairness", "偏见、歧视与不公平"),
    ("disinfo_fraud", "universal", "Disinformation Fraud and Identity Manipulation", "虚假信息欺诈与身份操纵"),
    ("misinfo", "universal", "Misinformation and Factual Hallucinations", "错误信息与事实性幻觉"),
    ("copyright", "universal", "Copyright Infringement and Data Leakage", "版权侵权与数据泄露"),
    ("social", "universal", "Social Appropriateness and Low-Value Output", "社会得体性与低价值输出"),
    ("identity", "universal", "Identity Hallucinations and Improper Interaction", "身份幻觉与不当互动"),
    ("culture", "contextual", "Cultural, Historical, and Religious Sensitivities", "文化、历史与宗教敏感议题"),
    ("politics", "contextual", "Political Leanings, Ideology, and Biased Guidance", "政治倾向、意识形态与偏颇引导"),
]
LAYERS = [
    ("baseline", "Baseline Human Safety Layer"),
    ("universal", "Universal Alignment and Integrity Layer"),
    ("contextual", "Contextual and Pluralistic Values Layer"),
]


def make_account(*roles: str, username: str = "", password: str = PASSWORD) -> User:
    """An account with the roles."""
    user = User.objects.create_user(username or f"coder{next(_counter)}", password=password)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return user


def make_coder(key: str = "coder-1", **overrides: Any) -> Coder:
    """A coder without an account."""
    return Coder.objects.get_or_create(key=key, defaults={"name": key, "kind": Coder.Kind.PERSON, **overrides})[0]


def make_source() -> Source:
    return Source.objects.get_or_create(
        key="aiid",
        defaults={"name": "AI Incident Database", "licence": "CC BY-SA 4.0", "attribution": "Responsible AI Collaborative"},
    )[0]


def make_coded_incident(**overrides: Any) -> Incident:
    """A published incident, to be coded."""
    number = overrides.pop("number", None) or 7000 + next(_counter)
    values = {
        "source_record_id": str(number), "status": Incident.Status.PUBLISHED, "date": datetime.date(2024, 5, 17),
        "title": f"Something happened, no. {number}", "description": "A system did something.", **overrides,
    }
    return Incident.objects.create(number=number, source=make_source(), **values)


def make_scale() -> ValueSystem:
    """The GVS-Scale: three layers, twelve categories."""
    found = ValueSystem.objects.filter(dimensions__key="life_safety").first()
    if found is not None:
        return found
    system = ValueSystem.objects.create(
        key="gvs", name="GVS-Scale", sha256="0" * 64, scale_low=0, scale_high=10, source=make_source()
    )
    layers = {
        key: ValueDimension.objects.create(system=system, order=order, key=key, level="layer", name=name)
        for order, (key, name) in enumerate(LAYERS, start=1)
    }
    for order, (key, layer, name, name_zh) in enumerate(CATEGORIES, start=1):
        category = ValueDimension.objects.create(
            system=system, order=order, key=key, level="category", name=name, name_zh=name_zh, is_scored=True
        )
        category.parents.add(layers[layer])
    return system


def category_of(key: str) -> ValueDimension:
    return ValueDimension.objects.get(key=key, level="category")


def make_codebook(**overrides: Any) -> Codebook:
    values = {"name": f"Codebook {next(_counter)}", **overrides}
    if "scale" not in values:
        values["scale"] = make_scale()
    return Codebook.objects.create(**values)


def make_round(**overrides: Any) -> Round:
    values = {"name": f"Round {next(_counter)}", **overrides}
    if "codebook" not in values:
        values["codebook"] = make_codebook()
    return Round.objects.create(**values)


def make_document(incident: Incident | None = None) -> Document:
    return freeze_document(incident=incident or make_coded_incident(), actor=None)


def make_assignment(*, user: User | None = None, coder: Coder | None = None, **overrides: Any) -> Assignment:
    """An assignment; of ``user`` (an annotator if none is given) or ``coder``."""
    if coder is None:
        coder = coder_of(user or make_account("annotator"))
    values: dict[str, Any] = {"order": next(_counter), **overrides}
    if "round" not in values:
        values["round"] = make_round()
    if "document" not in values:
        values["document"] = make_document()
    return Assignment.objects.create(coder=coder, **values)


def make_code(codebook: Codebook, **overrides: Any) -> Code:
    """A code; ``category`` is a key of the scale."""
    values = {"name": f"code {next(_counter)}", **overrides}
    if isinstance(values.get("category"), str):
        values["category"] = category_of(values["category"])
    if "created_by" not in values:
        values["created_by"] = make_coder("codebook-maker")
    return Code.objects.create(codebook=codebook, **values)


def make_coding(assignment: Assignment, quote: str, *, code: Code | None = None, **overrides: Any) -> Coding:
    """A coding of the first place where ``quote`` stands."""
    start = assignment.document.text.index(quote)
    segment, _ = Segment.objects.get_or_create(
        document=assignment.document, start_codepoint=start, end_codepoint=start + len(quote)
    )
    if code is None:
        code = make_code(
            assignment.round.codebook, created_by=assignment.coder, created_in=assignment.round,
            **{"category": "misinfo", **overrides},
        )
    return Coding.objects.create(assignment=assignment, segment=segment, code=code)


def make_categories(assignment: Assignment, main: str, *others: str) -> None:
    for key in (main, *others):
        CategoryAssignment.objects.create(assignment=assignment, category=category_of(key), is_main=key == main)


def make_submitted(
    of_round: Round, document: Document, coder: Coder, main: str, *others: str, stance: str = "warn", stage: str = "output"
) -> Assignment:
    """A document that ``coder`` has handed in."""
    assignment = make_assignment(
        round=of_round, document=document, coder=coder, status=Assignment.Status.SUBMITTED, stance=stance,
        lifecycle_stage=stage,
    )
    make_categories(assignment, main, *others)
    return assignment


def make_memo(assignment: Assignment, text: str = "A thought.", **overrides: Any) -> Memo:
    return Memo.objects.create(assignment=assignment, text=text, **overrides)


def close(of_round: Round) -> Round:
    of_round.status = Round.Status.CLOSED
    of_round.save()
    return of_round
