"""What scores of a run follow that they should not: numbers by hand, and what is undefined with its reason."""

from __future__ import annotations

import csv
import io
import math
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from scipy import stats

from bench.diagnostic_reads import diagnostics_of
from bench.models import Judgement, Score
from tests.factories.bench import (
    make_item,
    make_judge,
    make_language_model,
    make_release,
    make_run,
    make_score,
)

pytestmark = pytest.mark.django_db


def fill(run, items, model, values, **options):
    return [make_score(run, item, model, value, **options) for item, value in zip(items, values, strict=True)]


def tell(scores, states):
    for score, state in zip(scores, states, strict=True):
        Judgement.objects.filter(scores=score).update(refusal=state)


@pytest.fixture
def lengths():
    """Two models on four items; the second only writes more, two points a doubling."""
    items = [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    for name, characters in (("short", (64, 128, 64, 128)), ("long", (128, 512, 256, 512))):
        model = make_language_model(name)
        for item, n in zip(items, characters, strict=True):
            make_score(run, item, model, 2 * math.log2(n / 64), text="x" * n)
    return run


def test_length_is_correlated_and_adjusted(lengths):
    found = diagnostics_of(lengths)
    by_name = {model.name: line for model, line in zip(lengths.language_models.order_by("name"), found.lengths, strict=True)}
    assert by_name["short"].correlation.rho == pytest.approx(1)
    assert by_name["short"].correlation.n == 4
    assert found.slope == pytest.approx(2)
    assert by_name["long"].mean == pytest.approx((2 + 6 + 4 + 6) / 4)
    assert by_name["long"].adjusted == pytest.approx(by_name["short"].adjusted)
    assert found.common_length == pytest.approx(2 ** ((6 + 7 + 6 + 7 + 7 + 9 + 8 + 9) / 8))


def test_position_is_taken_against_the_other_models(lengths):
    items = [each.item for each in lengths.release.release_items.select_related("item__category").order_by("position")]
    run = make_run(lengths.release)
    fill(run, items, make_language_model("a"), (8, 6, 4, 2))
    fill(run, items, make_language_model("b"), (8, 7, 6, 5))
    found = {line.model: line for line in diagnostics_of(run).positions}
    models = {model.name: model.pk for model in run.language_models.all()}
    assert found[models["a"]].correlation.rho == pytest.approx(-1)  # 0, -0.5, -1, -1.5 of the mean
    assert found[models["b"]].correlation.rho == pytest.approx(1)
    p = stats.spearmanr([1, 2, 3, 4], [0, -0.5, -1, -1.5]).pvalue
    assert found[models["a"]].p_adjusted == pytest.approx(min(1, 2 * p))


def test_languages_are_paired_by_item_and_clustered_by_incident():
    items = [make_item(category="bias") for _ in range(3)]
    run = make_run(make_release(items))
    model = make_language_model("m")
    fill(run, items, model, (5, 7, 9), language="zh")
    fill(run, items, model, (6, 9, 12 - 2), language="en")
    pair = diagnostics_of(run).languages[0]
    assert (pair.first, pair.second, pair.n_shared) == ("en", "zh", 3)
    assert pair.difference.value == pytest.approx(4 / 3)
    se = math.sqrt(((1 / 3) ** 2 * 2 + (2 / 3) ** 2) / 2 / 3)
    half = stats.t.ppf(0.975, 2) * se
    assert (pair.difference.low, pair.difference.high) == pytest.approx((4 / 3 - half, 4 / 3 + half))
    assert pair.p_value == 0.25


def test_one_language_has_no_difference(lengths, client):
    assert diagnostics_of(lengths).languages == ()
    assert "One language" in client.get(f"/bench/runs/{lengths.pk}/diagnostics/").content.decode()


def test_variance_of_repeats_is_parted_from_that_of_items():
    items = [make_item(category="bias") for _ in range(2)]
    run = make_run(make_release(items))
    model = make_language_model("m")
    fill(run, items, model, (0, 4), epoch=1)
    fill(run, items, model, (2, 6), epoch=2)
    variance = diagnostics_of(run).epochs[0].variance
    assert (variance.within, variance.between, variance.within_share) == (2.0, 7.0, 0.125)
    once = make_run(run.release)
    fill(once, items, model, (0, 4))
    line = diagnostics_of(once).epochs[0]
    assert line.variance.within is None
    assert "two scored repeats" in line.reason


@pytest.fixture
def refusing():
    """Two incidents with an item to refuse and one not to, and a third item not to refuse alone."""
    harmful = [make_item(category="bias", stance="refuse", template="r") for _ in range(2)]
    benign = [make_item(category="bias", stance="support", incident=each.incident, template="s") for each in harmful]
    alone = make_item(category="bias", stance="warn")
    items = [*harmful, *benign, alone]
    run = make_run(make_release(items))
    tell(fill(run, items, make_language_model("m"), [5] * 5), ["refused", "refused", "refused", "complied", "partial"])
    return run


def test_over_refusal_is_what_was_refused_without_being_asked_to(refusing):
    found = diagnostics_of(refusing)
    line = found.fears[0]
    assert (found.n_benign_items, found.n_asked_items, found.n_twins) == (3, 2, 2)
    assert (line.benign.n, line.benign.of) == (1, 3)
    # 1 of 3 in 3 incidents: SE^2 = 2/9 / 2, so n_eff = 2; k = t_2^2 / 2 = 4.302653^2 / 2 in Wilson's formula
    assert (line.benign.low, line.benign.high) == pytest.approx((0.01133, 0.95617), abs=1e-5)
    assert (line.asked.n, line.asked.of) == (2, 2)
    assert (line.twins.harmful.value, line.twins.benign.value, line.twins.difference.value) == (1, 0.5, 0.5)
    assert (line.twins.pairs.only_a, line.twins.pairs.only_b) == (1, 0)


def test_without_twins_or_word_of_refusals_the_numbers_are_missing_with_reasons(lengths, client):
    line = diagnostics_of(lengths).fears[0]
    assert (line.benign.value, line.twins) == (None, None)
    page = client.get(f"/bench/runs/{lengths.pk}/diagnostics/").content.decode()
    assert "no incident with both kinds" in page
    assert "Of no such answer it is known" in page


def test_a_panel_agrees_by_alpha_bias_and_kappa():
    items = [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    scores = fill(run, items, make_language_model("m"), (1, 4, 7, 10))
    second = make_judge(name="second")
    run.judges.add(second)
    for score, value in zip(scores, (2, 4, 8, 10), strict=True):
        first = score.judgements.get()
        Judgement.objects.create(
            key=f"second-{score.pk}", judge=second, response=first.response, release_item=first.release_item,
            value=value, state="scored",
        )
    panel = diagnostics_of(run).panel
    # interval alpha: 1 - (n - 1) sum of observed / sum of expected squared differences, n = 8 values
    values = [1, 2, 4, 4, 7, 8, 10, 10]
    observed = 2 * (1 + 0 + 1 + 0)
    expected = sum((a - b) ** 2 for a in values for b in values)
    assert panel.alpha == pytest.approx(1 - 7 * observed / expected)
    assert [(line.name, line.n, line.mean, line.bias.value) for line in panel.judges] == [
        ("heuristic", 4, 5.5, -0.5), ("second", 4, 6, 0.5),
    ]
    pair = panel.pairs[0]
    assert (pair.n, pair.mean_difference, pair.mean_absolute) == (4, -0.5, 0.5)
    assert pair.kappa == pytest.approx(1 - 0.5 / (11.25 + 10 + 0.25))


def test_one_judge_has_no_agreement(lengths):
    panel = diagnostics_of(lengths).panel
    assert (panel.alpha, len(panel.judges), panel.judges[0].bias.value) == (None, 1, None)
    assert "two or more" in panel.reason


def test_missing_scores_are_counted_by_reason(client):
    items = [make_item(category="bias") for _ in range(3)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("a"), (5, None, None), reason="no answer after all retries")
    fill(run, items, make_language_model("b"), (5, None, 5), reason="judgement unparsable")
    missing = diagnostics_of(run).missing
    assert missing.reasons == (("no answer after all retries", (2, 0)), ("judgement unparsable", (0, 1)))
    assert (missing.n_missing, missing.n_asked) == ((2, 1), (3, 3))
    rows = csv.DictReader(io.StringIO(client.get(f"/bench/runs/{run.pk}/diagnostics/?format=csv").content.decode()))
    found = {(row["model"], row["what"]): row["value"] for row in rows if row["diagnostic"] == "missing"}
    assert found["a", "no answer after all retries"] == "2"


def test_the_page_names_its_sources_and_no_text(refusing, client):
    page = client.get(f"/bench/runs/{refusing.pk}/diagnostics/").content.decode()
    for source in ("Spearman 1904", "Dubois et al. 2024", "Miller 2024", "Korn and Graubard 1998", "Krippendorff 2019", "XSTest"):
        assert source in page
    assert "Please cite ruling" not in page
    assert not re.search(r"Answer \d+\.", page)
    assert client.get("/bench/runs/999999/diagnostics/").status_code == 404


def test_changed_scores_are_seen(lengths):
    before = diagnostics_of(lengths).lengths[0].mean
    Score.objects.filter(run=lengths).update(value=1)
    after = diagnostics_of(lengths).lengths[0].mean
    assert (before != after, after) == (True, 1)


def test_the_number_of_queries_does_not_grow(lengths, client):
    address = f"/bench/runs/{lengths.pk}/diagnostics/"
    client.get(address)
    items = [each.item for each in lengths.release.release_items.select_related("item__category")]
    make_score(lengths, items[0], make_language_model("short"), None, epoch=2)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
        n_queries = len(few)
    for number in range(4):
        fill(lengths, items, make_language_model(f"more-{number}"), (1, None, 3, 4))
    with CaptureQueriesContext(connection) as many:
        client.get(address)
        assert len(many) == n_queries
