"""Agreement of the three CSETv1 annotators, computed from the database, equals the published table."""

from __future__ import annotations

import pytest
from django.conf import settings

from annotation.category_statistics import published_agreement
from gvsir.actions.ingest_incidents import ingest_aiid

pytestmark = pytest.mark.django_db

#: field -> alpha, units with two ratings or more, kappa of annotators 1 and 2, incidents rated by both;
#: from SOURCE.md of the snapshot, where the krippendorff and scikit-learn packages gave the same.
TABLE = {
    "AI System": (0.6183, 158, 0.7314, 85),
    "Tangible Harm": (0.6330, 157, 0.5875, 85),
    "AI Harm Level": (0.6193, 158, 0.5465, 85),
    "Protected Characteristic": (0.7674, 157, 0.8531, 84),
    "Location Country (two letters)": (0.8912, 104, 0.8884, 59),
    "Harm Domain": (0.1967, 158, 0.2568, 85),
    "Sector of Deployment": (0.5499, 151, 0.6039, 81),
    "Detrimental Content": (0.7465, 157, 0.7417, 84),
}


def test_alpha_and_kappa_equal_the_published_table_to_four_places():
    ingest_aiid(settings.FIXTURES_DIR / "incidents" / "aiid")
    found = {
        each.field: (round(each.alpha.value, 4), each.alpha.n_units_used, round(each.kappa.value, 4), each.kappa.n_units)
        for each in published_agreement(resamples=200)
    }
    assert found == TABLE
    intervals = {each.field: each.alpha.interval for each in published_agreement(resamples=200)}
    assert all(intervals[field].low < TABLE[field][0] < intervals[field].high for field in TABLE)


def test_without_classifications_there_is_nothing_to_show():
    assert published_agreement() == []
