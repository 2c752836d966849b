"""The demonstration coding: loaded whole or not at all, once, and marked as model-made."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json

import pytest
from django.conf import settings

from annotation.actions.load_demonstration_coding import load_demonstration_coding
from annotation.models import Assignment, Code, Codebook, Coding, Document, Memo, Round, Segment
from annotation.round_agreement import agreement_of_round
from gvsir.exceptions import FormatError, InvalidTransitionError
from gvsir.models import Coder, Incident, LogEntry
from tests.factories.annotation import make_coded_incident, make_scale, make_source

pytestmark = pytest.mark.django_db

SHIPPED = settings.FIXTURES_DIR / "coding" / "demonstration.json"


def coding(number, main, *passages, **overrides):
    return {
        "incident_id": number, "main_category": main, "other_categories": [], "stance": "warn", "lifecycle": None,
        "passages": [
            {"field": field, "quote": quote, "code": code, "code_zh": "代码", "category": category}
            for field, quote, code, category in passages
        ],
        "scenario": {"en": "say it", "zh": "说"}, "memo": "why", **overrides,
    }


@pytest.fixture
def data():
    make_scale()
    make_coded_incident(number=1, title="Bot 🤖 lied", description="It lied. 客服机器人 lied on.")
    make_coded_incident(number=2, title="Bot two", description="It was rude.")
    return {
        "origin": "Model-made for a test.",
        "codebook": {
            "name": "Test codebook", "version": 1, "stances": [], "rules": ["One rule."],
            "categories": [
                {"id": "life_safety", "include": "yes", "exclude": "no"}, {"id": "misinfo", "include": "y", "exclude": "n"},
            ],
        },
        "passes": [
            {"coder": {"key": "demo-a", "name": "Pass A", "note": "first"}, "codings": [
                coding(1, "misinfo", ("description", "客服机器人", "lying", "misinfo"), ("title", "lied", "lying", "misinfo")),
                coding(2, "social", ("description", "rude", "lying", "social"), other_categories=["identity"], lifecycle="output"),
            ]},
            {"coder": {"key": "demo-b", "name": "Pass B", "note": "second"}, "codings": [
                coding(1, "misinfo", ("description", "客服机器人", "lying", "misinfo")),
                coding(2, "identity", ("description", "rude", "rudeness", "identity")),
            ]},
        ],
    }


@pytest.fixture
def load(tmp_path):
    def of(data):
        path = tmp_path / "coding.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return load_demonstration_coding(path)

    return of


def test_everything_is_there_once_and_a_second_load_changes_nothing(data, load):
    summary = load(data)
    assert (summary.created, summary.incidents, summary.assignments, summary.codings) == (True, 2, 4, 5)
    made = Round.objects.get(name="Demonstration")
    assert (made.status, made.origin, made.note) == ("closed", "model-made", "Model-made for a test.")
    assert made.codebook.is_frozen
    assert made.codebook.guidance["categories"]["misinfo"]["include"] == "y"
    assert {each.kind for each in Coder.objects.filter(key__startswith="demo-")} == {"model"}
    assert set(Assignment.objects.values_list("status", flat=True)) == {"submitted"}
    assert Memo.objects.filter(kind="scenario", text="say it", text_zh="说").count() == 4
    counts = [model.objects.count() for model in (Assignment, Code, Coding, Document, Memo, Segment, LogEntry)]
    assert load(data) == summary._replace(created=False)
    assert counts == [model.objects.count() for model in (Assignment, Code, Coding, Document, Memo, Segment, LogEntry)]


def test_passages_stand_where_the_quote_stands_in_its_field(data, load):
    load(data)
    quotes = {(each.segment.quote, each.segment.start_codepoint) for each in Coding.objects.all()}
    text = Document.objects.get(incident__number=1).text
    assert quotes == {
        ("客服机器人", text.index("客服")), ("lied", text.index("lied")),
        ("rude", Document.objects.get(incident__number=2).text.index("rude")),
    }
    assert Segment.objects.count() == 3  # the two coders share a passage


def test_one_name_under_two_categories_is_two_codes(data, load):
    load(data)
    found = set(Code.objects.filter(created_by__key="demo-a").values_list("name", "category__key"))
    assert found == {
        ("lying", "misinfo"), ("lying (Social Appropriateness and Low-Value Output)", "social"),
    }


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (lambda c: c["passages"][0].update(quote="nowhere"), "passages[1].quote", "stands 0 times in the description"),
        (lambda c: c["passages"][0].update(quote="lied"), "passages[1].quote", "stands 2 times"),
        (lambda c: c["passages"][1].update(field="body"), "passages[2].quote", "stands 0 times in the body"),
        (lambda c: c.update(main_category="nonsense"), "main_category", "no category 'nonsense'"),
        (lambda c: c.update(other_categories=["baseline"]), "other_categories", "no category 'baseline'"),
        (lambda c: c.update(stance="cheer"), "stance", "'cheer' is not permitted"),
        (lambda c: c.update(lifecycle="later"), "lifecycle", "'later' is not permitted"),
        (lambda c: c.update(incident_id=99), "incident_id", "the incident 99 of aiid is not loaded"),
    ],
)
def test_a_wrong_record_is_named_and_nothing_is_written(data, load, change, field, words):
    broken = copy.deepcopy(data)
    change(broken["passes"][0]["codings"][0])
    with pytest.raises(FormatError, match=words.replace("(", r"\(")) as caught:
        load(broken)
    assert (caught.value.source, caught.value.line, caught.value.field) == ("coding.json", 1, field)
    assert "demo-a" in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ("{}", "lacks this part"), ("[]", "lacks this part")])
def test_a_file_that_is_no_coding_is_refused(load, text, words):
    with pytest.raises(FormatError, match=words):
        load(text)


def test_without_the_scale_it_says_what_to_do(tmp_path, load):
    make_source()
    with pytest.raises(InvalidTransitionError, match="load_reference"):
        load({"origin": "x", "passes": [], "codebook": {"name": "x", "version": 1, "categories": [{"id": "life_safety"}]}})


def test_the_shipped_coding_fits_the_shipped_incidents():
    make_scale()
    wanted = {
        str(each["incident_id"]) for one in json.loads(SHIPPED.read_text(encoding="utf-8"))["passes"] for each in one["codings"]
    }
    packed = settings.FIXTURES_DIR / "incidents" / "aiid" / "incidents.csv.gz"
    rows = csv.DictReader(io.StringIO(gzip.decompress(packed.read_bytes()).decode()))
    source = make_source()
    Incident.objects.bulk_create(
        Incident(
            number=int(row["incident_id"]), source=source, source_record_id=row["incident_id"], status="published",
            title=row["title"], description=row["description"],
        )
        for row in rows if row["incident_id"] in wanted
    )
    summary = load_demonstration_coding()
    assert summary.incidents == len(wanted) >= 120
    assert summary.assignments == 2 * len(wanted)
    agreement = agreement_of_round(Round.objects.get(pk=summary.round_id), resamples=50)
    assert agreement.main.n_units_used == len(wanted)
    assert all(each.n_main[coder.pk] for each in agreement.categories for coder in agreement.coders)
    assert 0.5 < agreement.main.value < 1
    assert Codebook.objects.get().scale.key == "gvs"
