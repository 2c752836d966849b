"""Side by side: which cells differ, and who counts as independent."""

from __future__ import annotations

import pytest

from gvsir.models import TaxonomyField
from gvsir.views.citation import bibtex_escaped
from gvsir.views.classification_tables import compared_row

FIELD = TaxonomyField(key="harm", name="Harm")


@pytest.mark.parametrize(
    ("values", "independent", "state", "differing"),
    [
        (["yes", "yes"], [True, True], "agreed", [False, False]),
        (["yes", "no"], [True, True], "differs", [True, True]),
        (["yes", "no", "no"], [True, True, False], "differs", [True, True, False]),  # reconciled: not marked
        (["yes", "yes", "no"], [True, True, False], "agreed", [False, False, False]),
        (["yes", "no"], [True, False], "differs", [True, True]),  # one coder and the reconciled record
        (["yes", ""], [True, True], "single", [False, False]),  # a blank is not a value
        (["yes", "", "no"], [True, True, True], "differs", [True, False, True]),
    ],
)
def test_cells_that_differ_are_marked(values, independent, state, differing):
    row = compared_row(FIELD, values, independent)
    assert row.state == state
    assert [cell.differs for cell in row.cells] == differing
    assert [cell.value for cell in row.cells] == values


def test_bibtex_writes_out_what_tex_reads_as_commands():
    assert bibtex_escaped(r"R&D {50%} \x_1") == r"R\&D \{50\%\} \textbackslash{}x\_1"
