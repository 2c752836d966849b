"""Agreement of a round, on the page, from the command line, and by hand."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from annotation.round_agreement import agreement_of_round
from gvsir.exceptions import InvalidTransitionError
from tests.factories.annotation import (
    close,
    make_account,
    make_codebook,
    make_coder,
    make_document,
    make_round,
    make_submitted,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed():
    """Main categories aa, ab, bb, bb (a = misinfo, b = bias); both coders add identity to the first."""
    of_round = make_round(codebook=make_codebook())
    coders = [make_coder("coder-1"), make_coder("coder-2")]
    mains = [("misinfo", "misinfo"), ("misinfo", "bias"), ("bias", "bias"), ("bias", "bias")]
    for place, pair in enumerate(mains):
        document = make_document()
        for coder, main in zip(coders, pair, strict=True):
            others = ["identity"] if place == 0 or (place == 1 and coder == coders[0]) else []
            stage = "output" if place else ""
            make_submitted(of_round, document, coder, main, *others, stance="warn", stage=stage)
    return close(of_round)


def test_numbers_by_hand(closed):
    found = agreement_of_round(closed)
    # Units aa, ab, bb, bb: D_o = 2/8, D_e = 2*3*5/(8*7).
    assert found.main.value == pytest.approx(1 - (2 / 8) / (30 / 56))
    assert found.main.raw_agreement == 0.75
    assert (found.main.n_units_used, found.main.n_coders, len(found.main.categories)) == (4, 2, 12)
    by_key = {each.category.key: each for each in found.categories}
    assert by_key["misinfo"].as_main.value == pytest.approx(found.main.value)
    assert list(by_key["misinfo"].n_main.values()) == [2, 1]
    # identity given: yy, yn, nn, nn has the same form as aa, ab, bb, bb.
    assert by_key["identity"].given.value == pytest.approx(found.main.value)
    assert by_key["identity"].as_main.value is None
    assert "All ratings are the same" in by_key["identity"].as_main.undefined_reason


def test_one_stance_everywhere_is_undefined_and_blanks_are_missing(closed):
    found = agreement_of_round(closed)
    assert found.stance.value is None
    assert (found.stance.n_units_used, found.lifecycle.n_units_used) == (4, 3)


def test_disagreements_are_listed_with_both_choices(closed):
    (only,) = agreement_of_round(closed).disagreements
    assert [main.key for main in only.mains] == ["misinfo", "bias"]


def test_what_is_not_handed_in_does_not_count(closed):
    before = agreement_of_round(closed)
    late = make_submitted(closed, make_document(), make_coder("coder-1"), "culture")
    late.status = "in_progress"
    late.save()
    after = agreement_of_round(closed)
    assert (after.main, after.disagreements) == (before.main, before.disagreements)


def test_an_open_round_gives_no_number():
    with pytest.raises(InvalidTransitionError, match="is open"):
        agreement_of_round(make_round())


def run(*arguments):
    out = io.StringIO()
    call_command("round_agreement", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("by", ["name", "pk"])
def test_command_prints_one_json_object_of_the_promised_shape(closed, by):
    answer = json.loads(run(str(getattr(closed, by)), "--json"))
    promised = {
        "statistic", "value", "undefined_reason", "interval", "n_units", "n_units_used", "n_coders", "categories",
        "raw_agreement", "per_category",
    }
    assert promised <= set(answer)
    assert answer["value"] == pytest.approx(1 - (2 / 8) / (30 / 56))
    assert answer["interval"].keys() >= {"low", "high", "level", "method", "resamples", "seed"}
    assert answer["per_category"]["identity"]["value"] is None
    assert answer["per_category"]["identity"]["undefined_reason"]


def test_command_prints_text(closed):
    assert "Main category: alpha 0.5333" in run(closed.name)


def test_command_refuses_an_open_or_unknown_round():
    with pytest.raises(CommandError, match="is open"):
        run(make_round().name)
    with pytest.raises(CommandError, match="no round nowhere"):
        run("nowhere")


def test_page_shows_the_number_only_when_the_round_is_closed(client, closed):
    page = client.get(closed.get_absolute_url()).content.decode()
    assert "0.53" in page
    assert "side by side" in page
    opened = make_round(codebook=closed.codebook)
    for document in (make_document(), make_document()):
        for key, main in (("coder-1", "misinfo"), ("coder-2", "bias")):
            make_submitted(opened, document, make_coder(key), main)
    client.force_login(make_account("curator"))
    hidden = client.get(opened.get_absolute_url()).content.decode()
    assert "Not shown while the round is open" in hidden
    assert "Misinformation" not in hidden
    assert "coder-1" not in hidden
