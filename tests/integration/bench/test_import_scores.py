from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from bench.actions.import_scores import import_scores
from bench.models import LanguageModel, Measurement, PublishedScore
from gvsir.actions.load_reference import load_reference
from gvsir.exceptions import ImmutableRecordError, PermissionRefusedError
from tests.factories.gvsir import make_user

pytestmark = pytest.mark.django_db
PATH = settings.FIXTURES_DIR / "reference" / "value-compass.json"


@pytest.fixture(autouse=True)
def reference():
    load_reference()


def test_the_published_tables_go_in_unchanged():
    summary = import_scores(PATH)
    assert {(m["key"], m["system"]): (m["models"], m["scores"], m["n_cases"]) for m in summary.measurements} == {
        ("value-compass-2025-02", "schwartz"): (33, 330, 1266),
        ("value-compass-2025-02", "mft"): (33, 165, 360),
        ("value-compass-2025-02", "salad"): (33, 198, 694),
        ("value-compass-2025-02", "llm_unique"): (33, 198, 792),
        ("value-compass-2024", "schwartz"): (22, 220, None),
    }
    published = json.loads(PATH.read_text(encoding="utf-8"))
    for system, ours in (("schwartz", "schwartz"), ("safety", "salad")):
        table = published["scores_2025_02"][system]["o1"]
        stored = dict(
            PublishedScore.objects.filter(
                measurement__key="value-compass-2025-02", measurement__system__key=ours, language_model__name="o1"
            ).values_list("dimension__name", "value")
        )
        assert {name.removesuffix(" Harms"): value for name, value in stored.items()} == {
            name.removesuffix(" Harms"): value for name, value in table.items()
        }
    o1 = LanguageModel.objects.get(name="o1")
    assert (o1.kind, o1.developer, o1.is_open_weights, o1.release_date.isoformat()) == (
        "published", "OpenAI", False, "2024-09-12",
    )
    assert Measurement.objects.filter(scale_low=-1, period="2024").count() == 1


def test_a_second_import_changes_nothing():
    import_scores(PATH)
    again = import_scores(PATH)
    assert {m["status"] for m in again.measurements} == {"unchanged"}
    assert again.models_created == 0
    assert PublishedScore.objects.count() == 1111


def test_other_numbers_under_the_same_key_are_refused(tmp_path):
    import_scores(PATH)
    data = json.loads(PATH.read_text(encoding="utf-8"))
    data["scores_2025_02"]["mft"]["o1"]["Care/Harm"] = 99.0
    other = tmp_path / "scores.json"
    other.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ImmutableRecordError, match="mft"):
        import_scores(other)
    assert PublishedScore.objects.filter(value=99.0).count() == 0


def test_a_dry_run_writes_nothing():
    assert import_scores(PATH, dry_run=True).models_created == 36
    assert not Measurement.objects.exists()
    assert not LanguageModel.objects.exists()


def test_a_name_taken_by_an_endpoint_is_not_mixed_up_with_the_published_model():
    endpoint = LanguageModel.objects.create(name="o1", kind=LanguageModel.Kind.ENDPOINT)
    import_scores(PATH)
    assert not endpoint.published_scores.exists()
    assert LanguageModel.objects.get(name="o1 (published)").published_scores.exists()


def test_annotators_may_not_import():
    with pytest.raises(PermissionRefusedError):
        import_scores(PATH, actor=make_user("annotator"))


def test_an_unknown_dimension_is_named(tmp_path):
    data = json.loads(PATH.read_text(encoding="utf-8"))
    for row in data["scores_2025_02"]["mft"].values():
        row["Liberty"] = 1.0
    other = tmp_path / "scores.json"
    other.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CommandError, match=r"scores\.json, field 2025-02\.mft\.Liberty"):
        call_command("import_scores", str(other), format="value-compass", skip_checks=True)
    assert not Measurement.objects.exists()


def test_the_command_prints_one_json_object(capsys):
    call_command("import_scores", str(PATH), "--format", "value-compass", "--json", skip_checks=True)
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["sha256"]) == 64
    assert len(printed["measurements"]) == 5
