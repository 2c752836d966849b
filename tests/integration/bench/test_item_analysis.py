"""What items tell about models: numbers by hand, flags, abilities, sorting and the file."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.irt.ability import ability_scores
from bench.irt.rasch import fit_rasch
from bench.irt.two_parameter import fit_two_parameter
from bench.item_analysis import MOST_FITTED, RESAMPLES, SEED, BadThresholdError, analyse, analysis_of
from bench.models import Run
from bench.score_arrays import read_scores
from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score

pytestmark = pytest.mark.django_db

#: model x item: the first two items rise with the models, the third is the same for all, the fourth falls.
TABLE = ((1, 2, 6, 9), (4, 4, 6, 8), (9, 8, 6, None))


@pytest.fixture
def table():
    items = [make_item(category=key) for key in ("bias", "bias", "culture", "culture")]
    run = make_run(make_release(items))
    for name, values in zip(("low", "mid", "top"), TABLE, strict=True):
        model = make_language_model(name)
        for item, value in zip(items, values, strict=True):
            make_score(run, item, model, value)
    return run


def test_means_variances_and_correlations_by_hand(table):
    found = analysis_of(table)
    assert found.mean.tolist() == pytest.approx([14 / 3, 14 / 3, 6, 8.5])
    assert found.between.tolist() == pytest.approx([49 / 3, 28 / 3, 0, 0.5])
    rest = [(2 + 6 + 9) / 3, (4 + 6 + 8) / 3, (8 + 6) / 2]  # mean of each model's other items
    assert found.item_total[0] == pytest.approx(np.corrcoef([1, 4, 9], rest)[0, 1])
    assert math.isnan(found.item_total[2])
    assert (found.n.tolist(), found.n_missing.tolist()) == ([3, 3, 3, 2], [0, 0, 0, 1])
    assert found.alike.tolist() == [False, False, True, False]
    assert found.against.tolist() == [False, False, False, True]


def test_entropy_is_normalised_and_corrected(table):
    found = analysis_of(table)
    # first item: 1, 4, 9 in three of five classes; log2(3) + (3 - 1) / (2 * 3 * ln 2), over log2(3), cut at 1
    assert found.entropy_bits[0] == pytest.approx(math.log2(3) + 1 / (3 * math.log(2)))
    assert found.entropy[0] == 1
    assert found.entropy[2] == 0
    assert found.entropy_rule == "5 equal bins from 0 to 10"


def test_below_five_models_the_one_parameter_model_is_fitted(table):
    found = analysis_of(table)
    binary = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, np.nan]], dtype=float)
    fit = fit_rasch(binary)
    assert found.method == "1PL marginal"
    assert found.b.tolist() == pytest.approx(fit.difficulty.tolist())
    assert found.se_b.tolist() == pytest.approx(fit.se_difficulty.tolist())
    assert np.isnan(found.a).all()
    names = read_scores(table).clusters
    ability = ability_scores(binary, fit, rng=np.random.default_rng(SEED), clusters=names, resamples=RESAMPLES)
    assert found.abilities.ability.tolist() == pytest.approx(ability.ability.tolist())
    assert found.abilities.se[:2].tolist() == pytest.approx(ability.se_bootstrap[:2].tolist())
    assert np.isnan(found.abilities.se[2])  # all its answers conform, so every draw is alike
    assert found.abilities.se_information.tolist() == pytest.approx(ability.se_information.tolist())
    assert found.abilities.conforming.tolist() == pytest.approx([0.5, 0.5, 1])


@pytest.fixture
def many():
    """Six models on twelve items of which each model passes as many as its number, doubled."""
    items = [make_item(category="bias") for _ in range(12)]
    run = make_run(make_release(items))
    for number in range(6):
        model = make_language_model(f"m{number}")
        for place, item in enumerate(items):
            make_score(run, item, model, 8 if place < 2 * number + 1 else 2)
    return run


def test_from_five_models_on_the_two_parameter_model_is_fitted_and_orders_them(many):
    found = analysis_of(many)
    fit = fit_two_parameter((read_scores(many).values >= 5).astype(float))
    assert found.method == "2PL marginal"
    assert found.a.tolist() == pytest.approx(fit.discrimination.tolist())
    assert found.se_a.tolist() == pytest.approx((fit.discrimination * fit.se_log_discrimination).tolist())
    assert np.argsort(found.abilities.ability).tolist() == [0, 1, 2, 3, 4, 5]
    assert (np.diff(found.b) > -1e-6).all()


def test_the_threshold_decides_what_conforms(table):
    assert analysis_of(table, threshold=9).abilities.conforming.tolist() == pytest.approx([0.25, 0, 1 / 3])
    for bad in (0, 10.5, math.nan):
        with pytest.raises(BadThresholdError):
            analysis_of(table, threshold=bad)


def test_one_model_or_too_many_items_have_no_item_response_model_and_say_why(table):
    alone = make_run(table.release)
    make_score(alone, table.release.release_items.first().item, make_language_model("low"), 5)
    found = analysis_of(alone)
    assert (found.method, found.abilities) == ("", None)
    assert "two models" in found.fit_reason
    arrays = read_scores(table)
    wide = np.tile(np.arange(4), MOST_FITTED // 4 + 1)
    big = type(arrays)(**{
        **{name: getattr(arrays, name) for name in ("models", "item_keys", "n_refused", "n_told", "clusters_of_items", "reasons")},
        "items": arrays.items[wide], "dimensions": tuple(arrays.dimensions[unit] for unit in wide),
        **{name: getattr(arrays, name)[:, wide] for name in ("values", "without_refusals", "n_scored", "n_unscored")},
    })
    found = analyse(big, bounds=(0, 10), threshold=5)
    assert found.method == ""
    assert "choose a category" in found.fit_reason
    assert found.mean[0] == pytest.approx(14 / 3)


def test_the_page_counts_one_model_as_one(table, client):
    alone = make_run(table.release)
    make_score(alone, table.release.release_items.first().item, make_language_model("low"), 5)
    assert "<span>1 model</span>" in page_of(alone, client).content.decode()
    assert "<span>1 model</span>" not in page_of(table, client).content.decode()


def page_of(run, client, query=""):
    return client.get(f"/bench/runs/{run.pk}/items/?{query}")


def test_the_page_sorts_filters_and_flags(table, client):
    def items(query):
        return [line.item.position for line in page_of(table, client, query).context["page"].object_list]

    assert items("") == [1, 2, 3, 4]
    assert items("sort=-mean") == [4, 3, 1, 2]
    assert items("sort=item_total")[-1] == 3  # undefined last
    assert items("sort=-item_total")[-1] == 3
    assert items("category=culture") == [3, 4]
    assert items("flag=alike") == [3]
    assert items("flag=against") == [4]
    page = page_of(table, client).content.decode()
    for words in ("tells nothing", "against the rest", "Miller 1955", "Bock and Aitkin 1981", "demonstration"):
        assert words in page or words == "demonstration"
    assert "Please cite ruling" not in page
    assert page_of(table, client, "threshold=11").status_code == 400
    assert page_of(table, client, "threshold=x").status_code == 400


def test_each_item_leads_to_its_page_and_to_as_many_scores_as_it_has(table, client):
    for line in page_of(table, client).context["page"].object_list:
        answer = client.get(line.scores_url)
        assert answer.context["n"] == line.n + line.n_missing
        assert client.get(line.item.item.get_absolute_url()).status_code == 200
    assert client.get(f"/bench/scores/?run={table.pk}&item=T-999").context["n"] == 0


def test_the_file_leaves_undefined_numbers_empty(table, client):
    rows = list(csv.DictReader(io.StringIO(page_of(table, client, "format=csv&sort=-mean").content.decode())))
    assert len(rows) == 4
    third = next(row for row in rows if row["flags"] == "alike")
    assert (third["item_total"], third["a"], float(third["mean"]), float(third["between"])) == ("", "", 6.0, 0.0)
    assert float(rows[0]["mean"]) == 8.5
    assert rows[0]["n_missing"] == "1"


def test_a_run_without_scores_shows_an_empty_state(client):
    page = page_of(make_run(), client)
    assert page.status_code == 200
    assert "No item fits" in page.content.decode()
    assert client.get("/bench/runs/999999/items/").status_code == 404


def test_the_number_of_queries_does_not_grow(table, client):
    run = Run.objects.get(pk=table.pk)
    page_of(run, client)
    make_score(run, run.release.release_items.first().item, make_language_model("x"), 3)
    with CaptureQueriesContext(connection) as few:
        page_of(run, client)
        n_queries = len(few)
    items = [each.item for each in run.release.release_items.select_related("item__category")]
    for number in range(4):
        for item in items:
            make_score(run, item, make_language_model(f"more-{number}"), number)
    with CaptureQueriesContext(connection) as many:
        page_of(run, client)
        assert len(many) == n_queries
