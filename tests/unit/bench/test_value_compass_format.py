from __future__ import annotations

import copy
import json

import pytest

from bench.formats.value_compass import read
from gvsir.exceptions import FormatError

GOOD = {
    "models": [
        {"model": "Alpha", "developer": "A Ltd", "type": "Open", "release_date": "2024-05-01"},
        {"model": "Beta", "developer": "B Ltd", "type": "Close", "release_date": "2024-06-01"},
    ],
    "case_counts": {"Schwartz": 12, "MFT": 3, "Risk": 4, "FULVa": 5},
    "scores_2025_02": {
        "schwartz": {"Alpha": {"Power": 10.5, "Security": None}, "Beta": {"Power": 0, "Security": 100}},
    },
    "snapshot_2024": {"schwartz": {"Gamma": {"Power": -0.04}}},
}


def changed(path, value):
    data = copy.deepcopy(GOOD)
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(data).encode()


def test_a_good_file_gives_models_and_tables():
    scores = read(json.dumps(GOOD).encode(), source="scores.json")
    assert [(m.name, m.is_open_weights) for m in scores.models] == [("Alpha", True), ("Beta", False), ("Gamma", None)]
    newer, older = scores.tables
    assert (newer.key, newer.system, newer.n_cases, newer.scale) == ("value-compass-2025-02", "schwartz", 12, (0, 100))
    assert newer.values["Alpha"] == {"Power": 10.5, "Security": None}
    assert (older.period, older.scale, older.values) == ("2024", (-1, 1), {"Gamma": {"Power": -0.04}})


@pytest.mark.parametrize(
    ("path", "value", "line", "field"),
    [
        (("models", 1, "type"), "Opened", 2, "models.type"),
        (("models", 1, "release_date"), "2024-13-40", 2, "models.release_date"),
        (("models", 1, "model"), "Alpha", 2, "models.model"),
        (("models", 0, "developer"), "", 1, "models.developer"),
        (("models",), [], None, "models"),
        (("case_counts", "Schwartz"), "many", None, "case_counts.Schwartz"),
        (("scores_2025_02", "astrology"), {"Alpha": {"Mars": 1}}, None, "scores_2025_02.astrology"),
        (("scores_2025_02", "schwartz", "Beta", "Power"), "n/a", 2, "scores_2025_02.schwartz.Beta.Power"),
        (("scores_2025_02", "schwartz", "Beta", "Power"), 100.1, 2, "scores_2025_02.schwartz.Beta.Power"),
        (("scores_2025_02", "schwartz", "Beta", "Power"), True, 2, "scores_2025_02.schwartz.Beta.Power"),
        (("scores_2025_02", "schwartz", "Beta"), {"Power": 1}, 2, "scores_2025_02.schwartz.Beta.Security"),
        (("scores_2025_02", "schwartz", "Delta"), {"Power": 1}, 3, "scores_2025_02.schwartz.Delta"),
        (("snapshot_2024", "schwartz", "Gamma", "Power"), 52, 1, "snapshot_2024.schwartz.Gamma.Power"),
    ],
)
def test_a_bad_record_is_named_by_record_and_field(path, value, line, field):
    with pytest.raises(FormatError) as refused:
        read(changed(path, value), source="scores.json")
    assert (refused.value.source, refused.value.line, refused.value.field) == ("scores.json", line, field)


@pytest.mark.parametrize(
    "data",
    [b"", b"[1]", b"\xff\xfe\x00", b'{"models": NaN}', b'{"models": 1, "models": 2}', b"{" * 5, b"[" * 100_000],
)
def test_what_is_not_such_a_file_is_refused(data):
    with pytest.raises(FormatError, match=r"scores\.json"):
        read(data, source="scores.json")
