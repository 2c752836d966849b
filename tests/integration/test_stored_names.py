"""What is stored in English on a Chinese page: in Chinese where the software has it, else marked as English."""

from __future__ import annotations

import pytest
from django.utils import translation

from annotation.models import Round
from bench.leaderboards import measurements_of
from bench.models import LanguageModel
from gvsir.actions.load_reference import load_reference
from gvsir.models import Coder, LogEntry
from tests.factories.annotation import (
    close,
    make_codebook,
    make_document,
    make_memo,
    make_round,
    make_submitted,
)
from tests.factories.bench import make_item, make_language_model, make_measurement, make_run
from tests.factories.gvsir import make_coder, make_dimension, make_incident, make_source, make_value_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def chinese(client):
    client.cookies["django_language"] = "zh-hans"
    return lambda path: client.get(path).content.decode()


def test_names_of_the_shipped_coding_are_translated_and_those_of_people_are_not():
    coder = make_coder("a", name="Demonstration pass A", kind=Coder.Kind.MODEL)
    person = make_coder("b", name="Demonstration pass A")
    codebook = make_codebook(name="GVS demonstration codebook", origin="A language model.")
    own = make_codebook(name="GVS demonstration codebook", version=2)
    shipped = make_round(name="Demonstration", codebook=codebook, origin=Round.Origin.MODEL_MADE)
    with translation.override("en"):
        assert (coder.label, codebook.full_label, shipped.label) == (
            "Demonstration pass A", "GVS demonstration codebook v1", "Demonstration"
        )
    with translation.override("zh-hans"):
        assert (coder.label, codebook.full_label, shipped.label) == ("演示编码第一遍（A）", "GVS 演示编码手册 v1", "演示")
        assert person.label == "Demonstration pass A"
        assert own.full_label == "GVS demonstration codebook v2"
    assert str(codebook) == "GVS demonstration codebook v1"


def test_pages_of_the_shipped_coding_name_it_in_chinese(chinese):
    coder = make_coder("a", name="Demonstration pass B", kind=Coder.Kind.MODEL)
    of_round = make_round(
        name="Demonstration", origin=Round.Origin.MODEL_MADE,
        codebook=make_codebook(name="GVS demonstration codebook", origin="A language model."),
    )
    make_submitted(of_round, make_document(), coder, "life_safety")
    close(of_round)
    for path in ("/statistics/", "/rounds/", of_round.get_absolute_url(), of_round.codebook.get_absolute_url()):
        page = chinese(path)
        assert "GVS demonstration codebook" not in page, path
        assert "Demonstration pass B" not in page, path
        assert "GVS 演示编码手册" in page, path


def test_a_memo_says_which_language_it_is_in(chinese):
    of_round = make_round()
    document = make_document()
    assignment = make_submitted(of_round, document, make_coder("a"), "life_safety")
    make_memo(assignment, "A thought in English.")
    make_memo(assignment, "一个中文的想法 with a word.")
    close(of_round)
    for path in (f"/rounds/{of_round.pk}/documents/{document.pk}/", document.incident.get_absolute_url()):
        page = chinese(path)
        assert '<span lang="en">A thought in English.</span>' in page, path
        assert '<span lang="zh">一个中文的想法 with a word.</span>' in page, path


def test_sources_are_named_as_their_value_systems_and_others_marked_as_english(chinese):
    load_reference()
    make_source(key="other", name="Some source", licence="no licence file; numbers only", attribution="Its makers.")
    page = chinese("/about/")
    for english, shown in (
        ("Moral Foundations Theory", "道德基础理论"), ("Schwartz basic human values", "施瓦茨基本人类价值观理论"),
        ("names are facts of the theory", "名称属于理论中的事实"), ("no licence file", "没有许可证文件；只收录数字"),
        ("this project's own wording", "本项目自己的措辞"),
    ):
        assert english not in page
        assert shown in page
    assert '<span lang="en">Some source</span>' in page
    assert '<span lang="en">Its makers.</span>' in page


def test_measurements_and_runs_are_named_in_chinese(chinese):
    power = make_dimension(make_value_system("schwartz"), 1, is_scored=True)
    make_measurement(
        {power: {"m": 50.0}}, name="Value Compass, measurement 2025-02",
        source=make_source(key="vc", licence="no licence file; numbers only"),
    )
    for path in ("/leaderboard/", "/leaderboard/schwartz/"):
        page = chinese(path)
        assert "Value Compass，2025-02 测量" in page, path
        assert "measurement 2025-02" not in page, path
    assert "没有许可证文件；只收录数字" in page
    run = make_run(status="finished")
    label = f"{run.pk} · {run.release.name}"
    with translation.override("en"):
        assert [each.label for each in measurements_of("gvs")] == [f"run {label}"]
    with translation.override("zh-hans"):
        assert [each.label for each in measurements_of("gvs")] == [f"运行 {label}"]


def test_the_family_of_a_baseline_is_translated_and_that_of_a_model_is_not(chinese):
    baseline = make_language_model("baseline:x", kind=LanguageModel.Kind.BASELINE, family="baseline policy")
    model = make_language_model("m", kind=LanguageModel.Kind.ENDPOINT, family="baseline policy")
    assert "<dd>baseline policy</dd>" not in chinese(baseline.get_absolute_url())
    assert "<dd>baseline policy</dd>" in chinese(model.get_absolute_url())


@pytest.mark.parametrize(("language", "words"), [("en", "derived from a round of coding"), ("zh-hans", "由一轮编码派生")])
def test_the_history_of_an_item_is_in_words(client, language, words):
    item = make_item()
    for action in ("item.derive", "item.twin", "item.accept", "item.reject", "item.reopen", "item.attach", "item.describe_image", "item.detach"):
        LogEntry.objects.record(item, action, actor=None)
    client.cookies["django_language"] = language
    page = client.get(item.get_absolute_url()).content.decode()
    assert words in page
    assert "item." not in page


def test_a_chosen_entity_is_marked_as_english(chinese):
    make_incident(developers=("openai",))
    assert '<span lang="en">' in chinese("/incidents/?developer=openai").partition('class="applied"')[2].partition("</div>")[0]
