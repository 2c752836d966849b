"""What an address of the bench asks for and nothing has is said in a sentence, not passed over."""

from __future__ import annotations

import pytest

from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    item = make_item(category="misinfo")
    made = make_run(make_release([item]))
    make_score(made, item, make_language_model("m"), 8.0)
    return made


@pytest.mark.parametrize(
    ("path", "name", "value", "there"),
    [
        ("/bench/scores/", "state", "nope", "There are: scored, missing."), ("/bench/scores/", "run", "999", ""),
        ("/bench/scores/", "run", "abc", ""), ("/bench/scores/", "model", "999", ""), ("/bench/scores/", "item", "T-99", ""),
        ("/bench/scores/", "dimension", "nope", ""), ("/bench/scores/", "layer", "nope", ""),
        ("/bench/scores/", "system", "nope", ""), ("/bench/items/", "category", "nope", ""),
        ("/bench/items/", "stance", "nope", ""), ("/bench/items/", "status", "nope", ""),
        ("/bench/runs/RUN/", "state", "nope", "There are: "), ("/bench/runs/RUN/items/", "category", "nope", "There are: "),
        ("/bench/runs/RUN/items/", "flag", "nope", "There are: alike, against, misfit."),
        ("/bench/runs/RUN/items/", "sort", "nope", "There are: item, n, "), ("/compare/", "system", "nope", "There are: "),
        ("/compare/", "adjust", "nope", "There are: holm, bh."), ("/compare/", "measurement", "nope", ""),
    ],
)
def test_an_unknown_value_is_said(client, run, path, name, value, there):
    path = path.replace("RUN", str(run.pk))
    assert client.get(path).status_code == 200
    answer = client.get(path, {name: value})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert f"The address asks for {name}={value}, which does not exist." in page
    assert there in page
    if "page" in answer.context and name != "sort":
        assert list(answer.context["page"].object_list) == []


@pytest.mark.parametrize(
    "query", ["state=scored", "state=missing", "state=", "dimension=misinfo&system=gvs", "layer=universal", "item=T-1"]
)
def test_a_known_value_is_taken(client, run, query):
    assert client.get(f"/bench/scores/?{query}").status_code == 200
