"""Two models on the items both answered: numbers by hand, families of tests, what is undefined and why."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scipy import stats

from bench.comparison_reads import paired_readings
from bench.leaderboards import find_board
from bench.metrics.comparison import compare
from bench.models import Judgement, LanguageModel
from bench.score_arrays import keep_scores
from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score

pytestmark = pytest.mark.django_db


def fill(run, items, model, values):
    return [make_score(run, item, model, value) for item, value in zip(items, values, strict=True) if value != "none"]


def pairs_of(run):
    board = find_board("gvs", f"run-{run.pk}", coverage=0)
    return paired_readings(run, board, sorted(board.rows, key=lambda row: row.name))


def line_of(pair, key):
    return next(line for line in pair.lines if line.key == key)


@pytest.fixture
def simple():
    """Model a less model b on bias: 1, 2, 3 of three incidents; b alone has a fourth item."""
    items = [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), (5, 7, 9, None))
    fill(run, items, make_language_model("b"), (4, 5, 6, 3))
    return run


def test_a_difference_with_interval_test_and_smallest_resolvable_by_hand(simple):
    line = line_of(pairs_of(simple)[0], "bias")
    assert line.difference == pytest.approx(2)
    se = 1 / math.sqrt(3)  # standard deviation 1 of three incidents
    half = stats.t.ppf(0.975, 2) * se
    assert line.interval == pytest.approx((2 - half, 2 + half))
    assert (line.n_shared, line.n_clusters, line.only_a, line.only_b) == (3, 3, 0, 1)
    assert (line.p_value, line.patterns, line.is_exact) == (0.25, 8, True)  # +++ and --- of 8
    assert line.correlation == pytest.approx(1)
    assert line.resolvable == pytest.approx((1.959964 + 0.841621) * se, abs=1e-5)


def test_items_of_one_incident_are_one_cluster():
    first = make_item(category="bias")
    items = [first, make_item(category="bias", incident=first.incident, template="x"), make_item(category="bias")]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), (5, 5, 8))
    fill(run, items, make_language_model("b"), (4, 4, 5))
    line = line_of(pairs_of(run)[0], "bias")
    assert (line.n_shared, line.n_clusters, line.p_value) == (3, 2, 0.5)
    assert line.difference == pytest.approx(5 / 3)
    # residual sums -4/9 and 4/9 (of thirds), shares 2/3 and 1/3: CR2 variance s^2 / (1/3) + s^2 / (2/3)
    s = 4 / 9
    found = compare([5, 5, 8], [4, 4, 5], ["x", "x", "y"], rng=np.random.default_rng(0)).difference
    assert found.se == pytest.approx(math.sqrt(s * s * 3 + s * s * 1.5))
    assert line.interval == pytest.approx((found.low, found.high))


def test_layers_and_whole_weigh_categories_not_items():
    items = [*(make_item(category="bias") for _ in range(3)), make_item(category="misinfo"), make_item(category="culture")]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), (3, 3, 3, 7, 9))
    fill(run, items, make_language_model("b"), (2, 2, 2, 2, 3))
    pair = pairs_of(run)[0]
    assert line_of(pair, "universal").difference == pytest.approx((1 + 5) / 2)
    assert line_of(pair, "contextual").difference == pytest.approx(6)
    assert pair.whole.difference == pytest.approx((3 + 6) / 2)
    assert pair.whole.n_shared == 5
    assert line_of(pair, "baseline").difference is None
    assert "No item" in line_of(pair, "baseline").reason


def test_what_is_undefined_is_missing_with_its_reason():
    lone, shared = make_item(category="culture"), [make_item(category="bias") for _ in range(2)]
    apart = [make_item(category="misinfo") for _ in range(2)]
    items = [lone, *shared, *apart]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), (5, 6, 7, 4, None))
    fill(run, items, make_language_model("b"), (3, 4, 5, None, 4))
    pair = pairs_of(run)[0]
    one = line_of(pair, "culture")
    assert (one.difference, one.interval, one.p_value, one.resolvable) == (2, None, None, None)
    assert "one incident" in one.reason
    same = line_of(pair, "bias")
    assert (same.difference, same.interval, same.resolvable) == (2, None, None)
    assert "same in every incident" in same.reason
    assert same.p_value == 0.5
    none = line_of(pair, "misinfo")
    assert (none.difference, none.n_shared, none.only_a, none.only_b) == (None, 0, 1, 1)
    assert "share no item" in none.reason
    assert "known whether both" in pair.refusals.reason


def test_p_values_are_adjusted_within_wholes_layers_and_categories_over_all_pairs(simple):
    items = [each.item for each in simple.release.release_items.select_related("item__category").order_by("position")]
    fill(simple, items, LanguageModel.objects.create(name="c", kind="endpoint"), (1, 1, 1, 9))
    pairs = pairs_of(simple)
    assert [(pair.a.name, pair.b.name) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [line_of(pair, "bias").p_value for pair in pairs]
    assert raw == [0.25, 0.25, pytest.approx(raw[2])]
    assert [line_of(pair, "bias").adjusted for pair in pairs[:2]] == [0.75, 0.75]  # 3 x 0.25
    assert [pair.whole.adjusted for pair in pairs[:2]] == [0.75, 0.75]


def test_random_patterns_repeat_with_the_seed_and_tell_a_clear_difference():
    items = [make_item(category="bias") for _ in range(20)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), [9, 8] * 10)
    fill(run, items, make_language_model("b"), [2, 3] * 10)
    first, again = (line_of(pairs_of(run)[0], "bias") for _ in range(2))
    assert first == again
    assert (first.is_exact, first.patterns, first.p_value) == (False, 10_000, pytest.approx(1 / 10_001))
    assert first.is_resolved


def test_refusals_are_compared_by_mcnemar():
    items = [make_item(category="bias") for _ in range(7)]
    run = make_run(make_release(items))
    for name, refused in (("a", [1, 1, 1, 1, 1, 1, 0]), ("b", [0, 0, 0, 0, 0, 0, 0])):
        for score, state in zip(fill(run, items, make_language_model(name), [5] * 7), refused, strict=True):
            Judgement.objects.filter(scores=score).update(refusal="refused" if state else "complied")
    found = pairs_of(run)[0].refusals
    assert (found.n_shared, found.both, found.neither, found.test.only_a, found.test.only_b) == (7, 0, 1, 6, 0)
    assert found.test.p_value == pytest.approx(2 / 2**6)


def address(run, *names, **more):
    models = ",".join(str(LanguageModel.objects.get(name=name).pk) for name in names)
    extra = "".join(f"&{key}={value}" for key, value in more.items())
    return f"/compare/?system=gvs&measurement=run-{run.pk}&models={models}{extra}"


def test_the_page_draws_the_pair_with_its_table_and_sources(simple, client):
    page = client.get(address(simple, "a", "b")).content.decode()
    assert 'class="forest"' in page
    assert "b − a" in page  # a is withheld, so b stands before it
    assert "−2.00" in page
    assert "0.250" in page
    for source in ("Miller 2024", "Holm 1979", "McNemar 1947", "Fisher 1935"):
        assert source in page
    assert "style=" not in page.replace("stylesheet", "")
    alone = client.get(address(simple, "a")).content.decode()
    assert "Choose a second model" in alone


def test_the_file_has_every_line_and_nothing_for_missing(simple, client):
    text = client.get(address(simple, "a", "b", format="csv")).content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 1 + 3 + 12 + 1
    bias = next(row for row in rows if row["key"] == "bias")
    assert (float(bias["difference"]), bias["n_shared"], float(bias["p"])) == (-2.0, "3", 0.25)
    culture = next(row for row in rows if row["key"] == "culture")
    assert (culture["difference"], culture["p"]) == ("", "")
    assert culture["reason"]


def test_a_difference_of_exactly_0_is_0_in_the_file(client):
    items = [make_item(category="bias") for _ in range(3)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), (0.1 + 0.2, 1.1, 2.2))
    fill(run, items, make_language_model("b"), (0.3, 2.2, 1.1))
    text = client.get(address(run, "a", "b", format="csv")).content.decode()
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(text))}
    assert [rows[key]["difference"] for key in ("all", "universal", "bias")] == ["0.0"] * 3
    assert rows["bias"]["p"] == "1.0"


def test_the_number_of_queries_does_not_grow_with_the_models(simple, client):
    items = [each.item for each in simple.release.release_items.select_related("item__category").order_by("position")]
    few = address(simple, "a", "b")
    client.get(few)
    with CaptureQueriesContext(connection) as two:
        client.get(few)
    n_queries = len(two)
    for name in ("c", "d"):
        fill(simple, items, make_language_model(name), (1, 2, 1, 9))
    many = address(simple, "a", "b", "c", "d")
    client.get(many)
    with CaptureQueriesContext(connection) as four:
        assert client.get(many).content.count(b"<figure") == 7  # six pairs and the radar
    assert len(four) == n_queries


def test_texts_are_nowhere_on_the_page(simple, client):
    page = client.get(address(simple, "a", "b")).content.decode()
    assert "Please cite ruling" not in page
    assert "Answer " not in page


# --- languages --------------------------------------------------------------------------------------


def in_languages(run, items, model, **values):
    for language, numbers in values.items():
        for item, value in zip(items, numbers, strict=True):
            make_score(run, item, model, value, language=language)


def test_items_are_shared_in_a_language_not_across_languages():
    """Model a lost the Chinese of the second item, b its English: nothing of it can be compared."""
    items = [make_item(category="bias") for _ in range(3)]
    run = make_run(make_release(items))
    in_languages(run, items, make_language_model("a"), en=(8, 9, 6), zh=(4, None, 6))
    in_languages(run, items, make_language_model("b"), en=(5, None, 5), zh=(None, 1, 3))
    line = line_of(pairs_of(run)[0], "bias")
    # First item: English alone, 8 - 5. Third: the mean of 6 - 5 and 6 - 3. Second: 9 in English, 1 in Chinese.
    assert line.difference == pytest.approx((3 + 2) / 2)
    assert (line.n_shared, line.n_clusters, line.only_a, line.only_b) == (2, 2, 1, 1)


def test_arrays_kept_by_scoring_hold_the_languages():
    items = [make_item(category="bias") for _ in range(2)]
    run = make_run(make_release(items))
    in_languages(run, items, make_language_model("a"), en=(8, 9), zh=(4, None))
    in_languages(run, items, make_language_model("b"), en=(5, None), zh=(2, 1))
    before = [line_of(pair, "bias").difference for pair in pairs_of(run)]
    keep_scores(run)
    assert [line_of(pair, "bias").difference for pair in pairs_of(run)] == before == [pytest.approx((3 + 2) / 2)]


def test_tiers_compare_items_in_the_same_language():
    """b's missing half is the easy language: across languages it would look worse on the same items than it is."""
    items = [make_item(category="bias") for _ in range(6)]
    run = make_run(make_release(items))
    in_languages(run, items, make_language_model("a"), en=(9.1, 9, 8.9, 9, 9.1, 8.9), zh=(5, 5.1, 4.9, 5, 5.1, 4.9))
    in_languages(run, items, make_language_model("b"), en=(None,) * 6, zh=(4.9, 5, 5.1, 5, 5, 5))
    rows = sorted(find_board("gvs", f"run-{run.pk}", coverage=0).rows, key=lambda row: row.name)
    assert [round(row.overall.value, 3) for row in rows] == [7.0, 5.0]
    assert [row.tier for row in rows] == [1, 1]


def test_refusals_are_compared_in_the_same_language():
    items = [make_item(category="bias")]
    run = make_run(make_release(items))
    in_languages(run, items, make_language_model("a"), en=(8,), zh=(4,))
    in_languages(run, items, make_language_model("b"), en=(5,), zh=(4,))
    said = {("a", "en"): "refused", ("b", "zh"): "complied"}
    for (model, language), state in said.items():
        Judgement.objects.filter(response__trials__language=language, response__language_model__name=model).update(
            refusal=state, language=language
        )
    assert pairs_of(run)[0].refusals.n_shared == 0
    Judgement.objects.filter(response__trials__language="zh", response__language_model__name="a").update(
        refusal="complied", language="zh"
    )
    found = pairs_of(run)[0].refusals
    assert (found.n_shared, found.both, found.neither) == (1, 0, 1)
