"""Build the demonstration: every step of the chain, each idempotent, on the data in ``fixtures/``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings

from annotation.actions.load_demonstration_coding import load_demonstration_coding
from annotation.models import Coding, Round
from bench.accounting import scores_of
from bench.actions.create_run import create_run
from bench.actions.demo_accounts import DemoRefusedError, make_demo_accounts
from bench.actions.derive_items import derive_items
from bench.actions.execute_run import execute_run
from bench.actions.import_scores import import_scores
from bench.actions.make_release import make_release
from bench.actions.open_practice_round import open_practice_round
from bench.actions.register_language_model import register_judge, register_language_model
from bench.models import Item, LanguageModel, Measurement, PublishedScore, Release, Run
from gvsir.actions.ingest_incidents import ingest_aiid
from gvsir.actions.load_reference import load_reference
from gvsir.models import Classification, Incident, IncidentRedirect

__all__ = ["DemoRefusedError", "DemoSummary", "build_demo"]

RELEASE_NAME = "demonstration-1"
BASELINES = ("baseline:refuse", "baseline:comply", "baseline:echo", "baseline:careful")


class DemoSummary(NamedTuple):
    """What the demonstration database holds."""

    incidents: int
    classifications: int
    redirects: int
    codings: int
    items: int
    release: str
    release_sha256: str
    run: int
    scores: int
    scores_missing: int
    published_scores: int
    published_models: int
    published_measurements: int

    def lines(self) -> list[tuple[str, str]]:
        """Return label and value of each line of the summary."""
        return [
            ("incidents", f"{self.incidents:,} (AIID snapshot, CC BY-SA 4.0)"),
            ("classifications", f"{self.classifications:,}"),
            ("redirected ids", str(self.redirects)),
            ("codings", f"{self.codings:,} of passages (model-made demonstration coding)"),
            ("items", f"{self.items} in release {self.release} (demonstration, not reviewed by people)"),
            ("release SHA-256", self.release_sha256),
            ("run", f"{self.run}: {len(BASELINES)} baseline policies, not language models; heuristic judge"),
            ("scores", f"{self.scores:,} ({self.scores_missing} missing)"),
            (
                "published scores",
                f"{self.published_scores:,} of {self.published_models} models in {self.published_measurements} "
                "measurements (Value Compass, imported)",
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return self._asdict()


def build_demo(*, say: Callable[[str], None] = lambda text: None) -> DemoSummary:
    """Build what is missing of the demonstration and return what is there.

    Raises
    ------
    DemoRefusedError
        The database has accounts, and none of the demonstration's.
    """
    accounts = make_demo_accounts()
    say("taxonomies and value systems")
    load_reference()
    say("incidents")
    ingest_aiid(settings.FIXTURES_DIR / "incidents" / "aiid")
    say("codings")
    load_demonstration_coding()
    round_ = Round.objects.get(name="Demonstration")
    open_practice_round(codebook=round_.codebook, annotator=accounts["annotator"], curator=accounts["curator"])
    say("items and release")
    release = Release.objects.filter(name=RELEASE_NAME).first()
    if release is None:
        derive_items(round_id=round_.pk)
        release = make_release(
            name=RELEASE_NAME,
            items=Item.objects.filter(release_items__isnull=True, codings__assignment__round=round_).distinct(),
            actor=None,
            is_demonstration=True,
        )
    say("baseline policies and heuristic judge")
    run = _run(release)
    say("published scores")
    import_scores(settings.FIXTURES_DIR / "reference" / "value-compass.json")
    scores = scores_of(run)
    return DemoSummary(
        incidents=Incident.objects.count(),
        classifications=Classification.objects.count(),
        redirects=IncidentRedirect.objects.count(),
        codings=Coding.objects.filter(assignment__round=round_).count(),
        items=release.release_items.count(),
        release=release.name,
        release_sha256=release.sha256,
        run=run.pk,
        scores=scores["scored"],
        scores_missing=scores["missing"],
        published_scores=PublishedScore.objects.count(),
        published_models=LanguageModel.objects.filter(kind=LanguageModel.Kind.PUBLISHED).count(),
        published_measurements=Measurement.objects.values("key").distinct().count(),
    )


def _run(release: Release) -> Run:
    """Return the demonstration run on ``release``, created and executed where it is missing."""
    run = Run.objects.filter(release=release, is_demonstration=True).order_by("pk").first()
    if run is None:
        run = create_run(
            release=release,
            language_models=[register_language_model(name) for name in BASELINES],
            judges=[register_judge("heuristic")],
            languages=("en", "zh"),
            actor=None,
        )
    if run.status != Run.Status.FINISHED:
        execute_run(run.pk)
        run.refresh_from_db()
    return run
