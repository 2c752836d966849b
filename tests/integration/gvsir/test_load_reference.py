"""Reference data: complete, loaded once, and versioned by content."""

from __future__ import annotations

import json
import shutil
from io import StringIO

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from gvsir.actions.load_reference import load_reference
from gvsir.exceptions import FormatError
from gvsir.models import LogEntry, TaxonomyField, ValueDimension, ValueSystem

pytestmark = pytest.mark.django_db
FOLDER = settings.FIXTURES_DIR / "reference"


def names(system: str, level: str) -> list[str]:
    dimensions = ValueSystem.objects.current(system).dimensions.filter(level=level).order_by("order")
    return list(dimensions.values_list("key", flat=True))


def test_systems_have_their_dimensions_in_order():
    load_reference()
    assert names("gvs", "layer") == ["baseline", "universal", "contextual"]
    assert names("gvs", "category") == [
        "life_safety", "minor_sexual", "violence_hate", "cyber_illegal_info", "bias", "disinfo_fraud", "misinfo",
        "copyright", "social", "identity", "culture", "politics",
    ]
    assert names("schwartz", "value") == [
        "self_direction", "stimulation", "hedonism", "achievement", "power", "security", "conformity", "tradition",
        "benevolence", "universalism",
    ]
    assert [len(names("salad", level)) for level in ("domain", "task", "category")] == [6, 16, 66]
    assert (len(names("mft", "foundation")), len(names("schwartz", "group"))) == (5, 4)
    assert (len(names("llm_unique", "dimension")), len(names("llm_unique", "sub-dimension"))) == (3, 6)


def test_scores_are_given_on_one_level_of_each_system():
    load_reference()
    scored = set(ValueDimension.objects.filter(is_scored=True).values_list("system__key", "level"))
    assert scored == {
        ("gvs", "category"), ("schwartz", "value"), ("mft", "foundation"), ("llm_unique", "sub-dimension"),
        ("salad", "domain"),
    }
    rows = ValueSystem.objects.values_list("key", "scale_low", "scale_high")
    scales = {key: (low, high) for key, low, high in rows}
    assert scales["gvs"] == (0, 10)
    assert {scales[key] for key in scales if key != "gvs"} == {(0, 100)}


def test_layers_and_groups_hold_their_members():
    load_reference()
    gvs = ValueSystem.objects.current("gvs")
    assert [gvs.dimensions.get(key=layer).children.count() for layer in names("gvs", "layer")] == [4, 6, 2]
    hedonism = ValueSystem.objects.current("schwartz").dimensions.get(key="hedonism")
    assert set(hedonism.parents.values_list("key", flat=True)) == {"openness", "self_enhancement"}
    salad = ValueSystem.objects.current("salad")
    assert salad.dimensions.get(key="category:O62").parents.get().key == "task:O15"
    assert salad.dimensions.get(key="task:O15").parents.get().key == "domain:O6"


def test_every_dimension_has_a_chinese_name():
    load_reference()
    assert list(ValueDimension.objects.filter(name_zh="").values_list("key", flat=True)) == []
    translated = ValueDimension.objects.exclude(system__key="salad")
    assert not translated.filter(definition_zh="").exists()
    assert ValueSystem.objects.current("gvs").dimensions.get(key="bias").name_zh == "偏见、歧视与不公平"


def test_lifecycle_has_three_stages_and_the_groups_are_there():
    load_reference()
    stage = TaxonomyField.objects.get(taxonomy_version__taxonomy__namespace="lifecycle")
    assert stage.permitted_values == ["data", "model building", "output"]
    assert set(Group.objects.values_list("name", flat=True)) == {"annotator", "curator", "researcher"}


def test_second_load_changes_nothing():
    first = load_reference()
    again = load_reference()
    assert (again.created, again.updated) == (0, 0)
    assert again.unchanged == first.created
    assert LogEntry.objects.filter(action="reference.load").count() == 1


def test_changed_fixture_makes_a_version_and_leaves_the_old_one(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "reference")
    load_reference(folder=folder)
    data = json.loads((folder / "mft.json").read_text())
    data["foundations"][0]["definition"] = "Another meaning."
    (folder / "mft.json").write_text(json.dumps(data, indent=4))
    summary = load_reference(folder=folder)
    assert (summary.created, summary.updated) == (1, 0)
    old, new = ValueSystem.objects.filter(key="mft").order_by("version")
    assert (old.version, new.version) == (1, 2)
    assert old.dimensions.get(key="care").definition != "Another meaning."
    assert new.dimensions.get(key="care").definition == "Another meaning."
    assert ValueSystem.objects.current("mft") == new


def test_spacing_of_a_fixture_and_a_translation_make_no_version(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "reference")
    load_reference(folder=folder)
    (folder / "mft.json").write_text(json.dumps(json.loads((folder / "mft.json").read_text())))
    chinese = json.loads((folder / "names-zh.json").read_text())
    chinese["systems"]["mft"]["dimensions"]["care"]["name"] = "新名"
    (folder / "names-zh.json").write_text(json.dumps(chinese))
    summary = load_reference(folder=folder)
    assert (summary.created, summary.updated) == (0, 1)
    assert ValueSystem.objects.get(key="mft").dimensions.get(key="care").name_zh == "新名"


def test_broken_fixture_writes_nothing(tmp_path):
    folder = shutil.copytree(FOLDER, tmp_path / "reference")
    (folder / "salad-bench.json").write_text('{"domains": [{"id": "O1"}]}')
    with pytest.raises(FormatError, match="SALAD"):
        load_reference(folder=folder)
    assert ValueSystem.objects.count() == 0
    assert Group.objects.count() == 0


def test_dry_run_writes_nothing():
    assert load_reference(dry_run=True).created > 5
    assert ValueSystem.objects.count() == 0


def test_system_that_is_not_loaded_is_named():
    with pytest.raises(ValueSystem.DoesNotExist):
        ValueSystem.objects.current("gvs")


def test_command_prints_json(settings, tmp_path):
    out = StringIO()
    call_command("load_reference", "--json", stdout=out)
    assert json.loads(out.getvalue())["updated"] == 0
    settings.FIXTURES_DIR = tmp_path
    with pytest.raises(CommandError, match="names-zh") as caught:
        call_command("load_reference", stdout=out)
    assert caught.value.returncode == 1
