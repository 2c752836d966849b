"""Make a name on the command line or in a form into a row: a model that can be asked, a judge that can judge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.actions.describe_language_model import checked_family
from bench.actions.import_recording import PREFIX, import_recording
from bench.endpoints import model_spec
from bench.exceptions import BadEndpointError, UnknownNameError
from bench.model_families import family_of
from bench.models import Judge, LanguageModel
from bench.providers.scripted import POLICIES
from bench.scoring import CHECK_NAMES, JUDGE_PREFIXES, RUBRICS, heuristic
from bench.scoring.frameworks import FRAMEWORKS
from bench.specs import GenerationConfig, JudgeSpec
from gvsir.models import LogEntry
from gvsir.permissions import require

HEURISTIC_NAME: Final = "heuristic"
PUBLISHED_NAME: Final = "published"
#: As the published judge: temperature and nucleus of the generator, a shorter answer.
JUDGE_GENERATION: Final = GenerationConfig(max_tokens=1200)
#: How like a rubric's name a word must be to be taken for a slip of the pen.
_LIKENESS: Final = 0.75
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_OWN_VARIABLES = re.compile(r"(?:GVSIR|DJANGO|PG|AWS_SECRET)", re.IGNORECASE)
_WEB_VARIABLE = re.compile(r".*_(?:API_KEY|API_TOKEN)")
_ENDPOINT = re.compile(r"(?P<model>\S+?)@(?P<url>[A-Za-z][A-Za-z0-9+.-]*://[^#\s]+)(?:#(?P<variable>.*))?")


@transaction.atomic
def register_language_model(name: str, *, actor: User | None = None, **facts: Any) -> LanguageModel:
    """Return the model called ``name``; make it if it is a policy, ``MODEL@BASE_URL[#VARIABLE]`` or ``replay:FILE``.

    The variable is no part of the name, which everybody may read; naming another one for a known model changes
    where its key is looked for.

    Parameters
    ----------
    name : str
        A registered name, ``baseline:POLICY``, a model and the address of an OpenAI-compatible server, with
        the name of the environment variable that holds its key, or ``replay:FILE[#MODEL]`` for recorded responses.
    actor : User, optional
        None: a command run by hand. Only a curator may add an endpoint.
    **facts
        Other fields of a new model: family, developer, prices, concurrency.

    Raises
    ------
    UnknownNameError
        Nothing is called so, or it is only known from a publication.
    BadEndpointError
        The address or the variable is not acceptable.
    """
    name = name.strip()
    if "\0" in name:
        raise UnknownNameError(gettext("A name holds no NUL character."))
    known = LanguageModel.objects.filter(name=name).first()
    if known is not None:
        if known.kind == LanguageModel.Kind.PUBLISHED:
            raise UnknownNameError(
                gettext("{name} is known only from a publication and cannot be asked.").format(name=name)
            )
        return known
    if name.startswith("baseline:"):
        return _register_baseline(name)
    if name.startswith(PREFIX):
        return import_recording(name, actor=actor)
    parts = _ENDPOINT.fullmatch(name)
    if parts is None:
        raise UnknownNameError(
            gettext(
                "No model is called {name!r}. Give a registered name, a baseline policy ({policies}), "
                "replay:FILE.jsonl for recorded responses, or MODEL@BASE_URL, for example "
                "qwen3@http://127.0.0.1:11434/v1."
            ).format(name=name, policies=", ".join(f"baseline:{policy}" for policy in POLICIES))
        )
    return _register_endpoint(parts["model"], parts["url"], parts["variable"] or "", actor=actor, facts=facts)


def _register_baseline(name: str) -> LanguageModel:
    policy = name.partition(":")[2]
    if policy not in POLICIES:
        raise UnknownNameError(
            gettext("There is no baseline policy {policy!r}; there are {policies}.").format(
                policy=policy, policies=", ".join(POLICIES)
            )
        )
    return LanguageModel.objects.create(
        name=name, kind=LanguageModel.Kind.BASELINE, model_identifier=policy, family="baseline policy",
        developer="GVSIR",
    )


def _register_endpoint(
    model: str, url: str, variable: str, *, actor: User | None, facts: dict[str, Any]
) -> LanguageModel:
    if actor is not None:
        require(actor, "language_model.edit")
    url = check_base_url(url)
    check_key_variable(variable, from_web=actor is not None)
    same = LanguageModel.objects.filter(
        kind=LanguageModel.Kind.ENDPOINT, base_url=url, model_identifier=model
    ).order_by("pk").first()
    if same is not None:
        if variable and variable != same.key_variable:
            same.key_variable = variable
            same.save(update_fields=["key_variable"])
            LogEntry.objects.record(same, "language_model.rekey", actor=actor)
        return same
    name = f"{model}@{url}"
    created = LanguageModel.objects.create(
        name=name, kind=LanguageModel.Kind.ENDPOINT, base_url=url, model_identifier=model, key_variable=variable,
        **{"family": family_of(model), **facts, **_spelled(facts)},
    )
    LogEntry.objects.record(created, "language_model.create", actor=actor, data={"name": name})
    return created


def _spelled(facts: dict[str, Any]) -> dict[str, Any]:
    return {"family": checked_family(str(facts["family"]))} if "family" in facts else {}


def check_base_url(url: str) -> str:
    """Return ``url`` without its closing slash.

    Raises
    ------
    BadEndpointError
        It is not http or https, has no host, or holds a user name, a password, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadEndpointError(gettext("{url} is no address.").format(url=url)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise BadEndpointError(gettext("{url} is no http or https address.").format(url=url))
    if parts.username is not None or parts.password is not None:
        raise BadEndpointError(
            gettext("A base URL must not hold a password; name an environment variable with #VARIABLE.")
        )
    if parts.query or parts.fragment:
        raise BadEndpointError(gettext("A base URL has no query and no fragment."))
    return url.rstrip("/")


def check_key_variable(variable: str, *, from_web: bool) -> None:
    """Refuse a variable that holds a secret of this site rather than an endpoint's key.

    Raises
    ------
    BadEndpointError
        It is no name of a variable, or one that must not be sent to an endpoint.
    """
    if not variable:
        return
    if not _VARIABLE.fullmatch(variable):
        raise BadEndpointError(
            gettext("{variable!r} is no name of an environment variable (give the name, not the key).").format(
                variable=variable[:80]
            )
        )
    if _OWN_VARIABLES.match(variable):
        raise BadEndpointError(
            gettext("{variable} may hold a secret of this site; it is never sent to an endpoint.").format(
                variable=variable
            )
        )
    if from_web and not _WEB_VARIABLE.fullmatch(variable):
        raise BadEndpointError(
            gettext("{variable}: a variable named on a page must end in _API_KEY or _API_TOKEN.").format(
                variable=variable
            )
        )


@transaction.atomic
def register_judge(
    name: str, *, actor: User | None = None, generation: GenerationConfig | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Judge:
    """Return the judge called ``name``: ``heuristic``, or ``[RUBRIC:]MODEL`` with a model's name.

    RUBRIC is ``published`` (the GVS-Bench instruction; also without a rubric), ``anchored``, or a framework:
    ``schwartz``, ``mft``, ``llm_unique``, ``salad``; or one dimension of a framework alone, ``schwartz/power``, which
    checks the judge of all of them and enters no score. A judge is its whole configuration; another rubric text or
    version, model or setting is another judge. ``settings`` are those of its answers that are not as usual.

    Raises
    ------
    UnknownNameError
        Nothing is called so, what was named cannot judge (a baseline policy, a recording), or the word before the
        colon is nearly a rubric's name.
    """
    name = name.strip()
    if name == HEURISTIC_NAME:
        rules = RUBRICS[heuristic.RUBRIC]
        spec = JudgeSpec(
            kind="heuristic", rubric=heuristic.RUBRIC, rubric_version=rules.version, rubric_sha256=rules.text_sha256
        )
        return _judge(HEURISTIC_NAME, spec, None)
    prefix, _, rest = name.partition(":")
    is_prefixed = prefix in JUDGE_PREFIXES and bool(rest)
    framework = prefix.partition("/")[0]
    if rest and not is_prefixed and "/" in prefix and framework in FRAMEWORKS:
        raise UnknownNameError(
            gettext("{name!r} is no dimension of a framework; known are {known}.").format(
                name=prefix[:80], known=", ".join(each for each in CHECK_NAMES if each.startswith(f"{framework}/"))
            )
        )
    if rest and not is_prefixed:
        _refuse_slip(prefix, rest)
    language_model = register_language_model(rest if is_prefixed else name, actor=actor)
    if language_model.kind != LanguageModel.Kind.ENDPOINT:
        raise UnknownNameError(
            gettext("{name} cannot judge; a judge is {heuristic_name!r} or a language model.").format(
                name=name, heuristic_name=HEURISTIC_NAME
            )
        )
    chosen = prefix if is_prefixed else PUBLISHED_NAME
    rubric = RUBRICS[JUDGE_PREFIXES[chosen]]
    spec = JudgeSpec(
        kind="language_model", rubric=JUDGE_PREFIXES[chosen], rubric_version=rubric.version,
        rubric_sha256=rubric.text_sha256, repairs=rubric.most_repairs, model=model_spec(language_model),
        generation=replace(
            generation or replace(JUDGE_GENERATION, max_tokens=rubric.max_tokens), **(settings or {})
        ),
    )
    plain = language_model.name if chosen == PUBLISHED_NAME else f"{chosen}:{language_model.name}"
    return _judge(plain, spec, language_model)


def _refuse_slip(prefix: str, rest: str) -> None:
    """Refuse a model's name that begins with nearly a rubric's; a model's own name may hold a colon (``llama3:8b``)."""
    close = get_close_matches(prefix.casefold(), list(JUDGE_PREFIXES), n=1, cutoff=_LIKENESS)
    if close and "@" not in prefix:
        model = rest.partition("@")[0][:80]  # behind it there may be a password
        raise UnknownNameError(
            gettext(
                "No rubric is called {prefix!r}. Did you mean {meant}? Put {published}: before the name if the model is "
                "really called {model}."
            ).format(
                prefix=prefix[:80], meant=f"{close[0]}:{model}", published=PUBLISHED_NAME, model=f"{prefix[:80]}:{model}"
            )
        )


def rubric_word(judge: Judge) -> str:
    """Return the name by which the rubric of ``judge`` is chosen; "" where rules judge or it is of another version."""
    rubric = judge.config.get("rubric", "")
    return next((word for word, known in JUDGE_PREFIXES.items() if known == rubric), "")


def _judge(name: str, spec: JudgeSpec, language_model: LanguageModel | None) -> Judge:
    kind = Judge.Kind.HEURISTIC if language_model is None else Judge.Kind.LANGUAGE_MODEL
    judge, _ = Judge.objects.get_or_create(
        sha256=spec.sha256,
        defaults={"name": name, "kind": kind, "language_model": language_model, "config": spec.as_json()},
    )
    return judge
