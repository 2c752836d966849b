"""The shipped AIID snapshot: every published number, twice without change, and nothing half-written."""

from __future__ import annotations

import datetime
import json
import shutil
from collections import Counter, defaultdict
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, execute_from_command_line
from django.db.models import Count
from django.test import TestCase

from annotation.agreement.krippendorff import alpha
from gvsir.actions import ingest_incidents
from gvsir.actions.ingest_incidents import ingest_aiid
from gvsir.actions.load_reference import load_reference
from gvsir.exceptions import FormatError, PermissionRefusedError
from gvsir.models import (
    Classification,
    ClassificationValue,
    Coder,
    Entity,
    EntityRole,
    Incident,
    IncidentRedirect,
    IncidentReport,
    IncidentSearchRow,
    LogEntry,
    NumberCounter,
    Report,
    Source,
    Taxonomy,
    TaxonomyVersion,
)
from gvsir.querysets import classification_ratings
from gvsir.redirects import resolve_number
from tests.factories.gvsir import make_incident, make_source, make_user

SNAPSHOT = settings.FIXTURES_DIR / "incidents" / "aiid"
SAMPLES = settings.FIXTURES_DIR / "samples" / "aiid"
TABLES = (
    Incident, Report, IncidentReport, Entity, EntityRole, Classification, ClassificationValue, Taxonomy,
    TaxonomyVersion, Coder, Source, IncidentRedirect, NumberCounter, LogEntry, IncidentSearchRow,
    Incident.history.model,
)


def sizes() -> dict[str, int]:
    return {table.__name__: table.objects.count() for table in TABLES}


class TestShippedSnapshot(TestCase):
    """Reads of one import; numbers from fixtures/incidents/aiid/SOURCE.md."""

    @classmethod
    def setUpTestData(cls):
        cls.first = json.dumps(ingest_aiid(SNAPSHOT).as_json())
        # The same three taxonomies as AIID's, and ours beside them, do not disturb one another.
        load_reference()

    def test_summary_counts_what_was_made(self):
        summary = json.loads(self.first)
        assert {key: summary[key] for key in ("created", "updated", "unchanged", "duplicates", "rejected")} == {
            "created": 1367, "updated": 0, "unchanged": 0, "duplicates": 13, "rejected": 0,
        }
        assert summary["classifications"] == {"created": 2367, "updated": 0, "unchanged": 0}
        assert summary["errors"] == []
        assert Counter(warning["source"] for warning in summary["warnings"]) == {
            "classifications_CSETv1.csv": 7, "classifications_CSETv1_Annotator-1.csv": 3,
            "classifications_CSETv1_Annotator-3.csv": 3, "entities.csv": 22,
        }

    def test_second_import_changes_nothing(self):
        before = sizes()
        again = ingest_aiid(SNAPSHOT).as_json()
        assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 1367)
        assert again["classifications"] == {"created": 0, "updated": 0, "unchanged": 2367}
        assert sizes() == before

    def test_incidents_keep_their_numbers_and_the_missing_ones_are_duplicates(self):
        numbers = set(Incident.objects.values_list("number", flat=True))
        assert len(numbers) == 1367
        assert set(range(1, 1379)) - numbers == {90, 130, 237, 247, 269, 338, 342, 365, 442, 512, 542}
        assert NumberCounter.objects.get(series="incident").value == 1378
        assert set(Incident.objects.values_list("status", flat=True)) == {"published"}

    def test_reports_are_shared_between_incidents(self):
        assert IncidentReport.objects.count() == 5615
        assert Report.objects.count() == 5522
        assert Report.objects.annotate(n=Count("incidents")).filter(n__gt=1).count() == 72
        per_incident = Counter(Incident.objects.all().with_report_counts().values_list("n_reports", flat=True))
        assert (per_incident[1], per_incident[0], max(per_incident)) == (582, 1, 58)

    def test_classifications_by_file(self):
        by_coder = Counter(
            Classification.objects.values_list("taxonomy_version__taxonomy__namespace", "coder__key")
        )
        assert by_coder == {
            ("MIT", "mit"): 1242, ("GMF", "gmf"): 326, ("CSETv0", "csetv0"): 100, ("CSETv1", "csetv1"): 214,
            ("CSETv1", "csetv1-annotator-1"): 298, ("CSETv1", "csetv1-annotator-2"): 106,
            ("CSETv1", "csetv1-annotator-3"): 81,
        }
        assert Classification.objects.filter(is_published=False).count() == 8 + 6 + 1 + 8 + 8 + 285

    def test_coder_is_a_column_and_says_what_it_is(self):
        assert dict(Coder.objects.values_list("key", "kind")) == {
            "mit": "model", "gmf": "team", "csetv0": "team", "csetv1": "team", "csetv1-annotator-1": "person",
            "csetv1-annotator-2": "person", "csetv1-annotator-3": "person",
        }
        assert TaxonomyVersion.objects.filter(taxonomy__namespace="CSETv1").count() == 1
        assert not Taxonomy.objects.filter(namespace__contains="Annotator").exists()

    def test_incidents_by_number_of_taxonomies(self):
        rows = Classification.objects.filter(coder__key__in=["mit", "gmf", "csetv0", "csetv1"])
        per_incident = Counter(Counter(rows.values_list("incident", flat=True)).values())
        assert per_incident == {1: 871, 2: 199, 3: 75, 4: 97}

    def test_annotators_overlap_as_published(self):
        said = {
            n: set(Classification.objects.filter(coder__key=f"csetv1-annotator-{n}").values_list("incident", flat=True))
            for n in (1, 2, 3)
        }
        reconciled = set(Classification.objects.filter(coder__key="csetv1").values_list("incident", flat=True))
        union = said[1] | said[2] | said[3]
        overlaps = (len(said[1] & said[2]), len(said[1] & said[3]), len(said[2] & said[3]))
        assert (len(union), overlaps, len(said[1] & said[2] & said[3])) == (316, (88, 76, 12), 7)
        assert len(union & reconciled) == 210

    def test_ratings_come_in_one_query_with_the_units_of_the_agreement_table(self):
        with self.assertNumQueries(1):
            ratings = classification_ratings("CSETv1", None, "AI System")
        assert ratings == classification_ratings("CSETv1", 1, "AI System (2)")
        per_incident = Counter(
            number for coder, values in ratings.items() if "annotator" in coder for number in values
        )
        assert sum(n >= 2 for n in per_incident.values()) == 158
        assert set(ratings["csetv1-annotator-1"].values()) == {"yes", "no", "maybe"}
        assert classification_ratings("CSETv1", 2, "AI System") == {}

    def test_agreement_of_the_annotators_is_the_published_one(self):
        """Nominal alpha over the three files, blanks dropped; the table of SOURCE.md, to four places."""
        published = {
            "AI System": (0.6183, 158), "Tangible Harm": (0.6330, 157), "AI Harm Level": (0.6193, 158),
            "Protected Characteristic": (0.7674, 157), "Location Country (two letters)": (0.8912, 104),
            "Harm Domain": (0.1967, 158), "Sector of Deployment": (0.5499, 151), "Detrimental Content": (0.7465, 157),
        }
        computed = {}
        for field in published:
            units = defaultdict(Counter)
            for coder, values in classification_ratings("CSETv1", 1, field).items():
                if coder.startswith("csetv1-annotator-"):
                    for number, value in values.items():
                        units[number][value] += 1
            values = sorted({value for unit in units.values() for value in unit})
            used = sum(unit.total() >= 2 for unit in units.values())
            computed[field] = (round(alpha([[unit[value] for value in values] for unit in units.values()]), 4), used)
        assert computed == published

    def test_redirects_resolve_through_the_chain_and_before_a_row_that_stayed(self):
        assert IncidentRedirect.objects.count() == 13
        resolution = resolve_number(342)
        assert (resolution.number, resolution.chain) == (1057, (342, 88, 1057))
        assert resolution.incident.number == 1057
        assert resolution.reason == "Duplicate, merged in the source"
        assert Incident.objects.filter(number__in=[88, 637]).count() == 2
        assert resolve_number(88).number == 1057
        assert resolve_number(637).chain == (637, 112)
        assert resolve_number(5).chain == (5,)
        assert resolve_number(1379).incident is None
        assert resolve_number(1379).reason

    def test_entities_have_names_and_roles(self):
        youtube = Entity.objects.get(slug="youtube")
        assert youtube.name == "YouTube"
        assert set(youtube.roles.filter(incident__number=1).values_list("role", flat=True)) == {
            "deployer", "developer",
        }
        unknown = Entity.objects.get(slug="unknown-deepfake-technology-developers")
        assert unknown.name == "Unknown deepfake technology developers"
        assert Entity.objects.count() == 4477

    def test_every_incident_has_one_version_in_its_history(self):
        assert Incident.history.count() == 1367
        assert Incident.history.filter(history_change_reason__startswith="Imported from AI Incident").count() == 1367

    def test_source_carries_licence_and_the_day_of_its_newest_record(self):
        source = Source.objects.get(key="aiid")
        assert (source.licence, source.version) == ("CC BY-SA 4.0", "records to 2026-02-21")
        assert "Responsible AI Collaborative" in source.attribution

    def test_some_texts_are_folded_and_most_are_not(self):
        folded = Counter(Incident.objects.values_list("harm", flat=True))
        assert {"self_harm", "minors", "sexual", "violence", ""} == set(folded)
        assert folded[""] > 1150

    def test_every_incident_can_be_searched(self):
        assert IncidentSearchRow.objects.count() == 1367
        found = Incident.objects.all().search("hallucinated citation").values_list("number", flat=True)
        assert 3 < len(found) < 60


def snapshot_of(folder: str, tmp_path: Path) -> Path:
    """A copy of a sample that a test may edit."""
    return Path(shutil.copytree(SAMPLES / folder, tmp_path / folder))


@pytest.mark.django_db
def test_changed_row_updates_its_incident_alone(tmp_path):
    path = snapshot_of("valid", tmp_path)
    ingest_aiid(path)
    file = path / "incidents.csv"
    text = file.read_text().replace("Example 1", "Example one").replace('[2, 1]', "[2]")
    file.write_text(text)
    labels = path / "classifications_MIT.csv"
    labels.write_text(labels.read_text().replace("3. Misinformation", "2. Privacy"))
    summary = ingest_aiid(path)
    assert (summary.created, summary.updated, summary.unchanged) == (0, 2, 0)
    assert (summary.classifications.updated, summary.classifications.unchanged) == (1, 1)
    first = Incident.objects.get(number=1)
    assert (first.title, first.history.count()) == ("Example one", 2)
    assert list(Incident.objects.get(number=2).reports.values_list("source_record_id", flat=True)) == ["2"]
    assert classification_ratings("MIT", None, "Risk Domain") == {"mit": {1: "2. Privacy"}}
    assert [each.number for each in Incident.objects.all().search("one")] == [1]


@pytest.mark.django_db
def test_withdrawn_incident_stays_withdrawn(tmp_path):
    path = snapshot_of("valid", tmp_path)
    ingest_aiid(path)
    Incident.objects.filter(number=1).update(status="withdrawn", status_reason="A hoax.")
    (path / "incidents.csv").write_text((path / "incidents.csv").read_text().replace("Example 1", "New title"))
    ingest_aiid(path)
    assert Incident.objects.get(number=1).status == "withdrawn"
    assert resolve_number(1).reason == "A hoax."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("folder", "created", "place"),
    [
        ("truncated", 2, ("incidents.csv", 4, "description")),
        ("latin-1", 2, ("incidents.csv", 3, "description")),
        ("no-id", 2, ("incidents.csv", 3, "incident_id")),
        ("bad-date", 3, ("incidents.csv", 5, "date")),
        ("missing-cells", 2, ("incidents.csv", 3, "Alleged deployer of AI system")),
        ("repeated-id", 2, ("incidents.csv", 3, "incident_id")),
    ],
)
def test_good_rows_go_in_and_the_bad_one_is_listed(folder, created, place):
    summary = ingest_aiid(SAMPLES / folder).as_json()
    assert (summary["created"], summary["rejected"]) == (created, 1)
    assert tuple(summary["errors"][0][key] for key in ("source", "line", "field")) == place
    assert Incident.objects.count() == created


@pytest.mark.django_db
def test_formula_cell_goes_in_as_it_is_with_a_warning():
    summary = ingest_aiid(SAMPLES / "formula")
    assert (summary.created, summary.rejected, len(summary.warnings)) == (2, 0, 2)
    assert Incident.objects.get(number=1).title == "=HYPERLINK(1) 1"


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["utf-16", "empty", "no-column"])
def test_unreadable_file_writes_nothing(folder):
    before = sizes()
    with pytest.raises(FormatError):
        ingest_aiid(SAMPLES / folder)
    assert sizes() == before


@pytest.mark.django_db
def test_unreadable_classifications_refuse_the_whole_set(tmp_path):
    path = snapshot_of("valid", tmp_path)
    (path / "classifications_MIT.csv").write_text("nothing,of,use\n1,2,3\n")
    before = sizes()
    with pytest.raises(FormatError, match="column is missing"):
        ingest_aiid(path)
    assert sizes() == before


@pytest.mark.django_db
def test_failure_half_way_leaves_nothing(monkeypatch):
    def fail(ids):
        raise OSError("disk full")

    before = sizes()
    monkeypatch.setattr(ingest_incidents, "index_incidents", fail)
    with pytest.raises(OSError, match="disk full"):
        ingest_aiid(SAMPLES / "valid")
    assert sizes() == before


@pytest.mark.django_db
def test_dry_run_counts_and_writes_nothing():
    before = sizes()
    summary = ingest_aiid(SAMPLES / "valid", dry_run=True)
    assert (summary.created, summary.classifications.created, summary.redirects) == (2, 2, 1)
    assert sizes() == before


@pytest.mark.django_db
def test_classification_of_unknown_incident_is_rejected():
    summary = ingest_aiid(SAMPLES / "orphan")
    assert summary.classifications.created == 1
    assert [(error.line, error.field) for error in summary.errors] == [
        (3, "Incident ID"), (4, "Incident ID"), (5, "Incident ID"),
    ]


@pytest.mark.django_db
def test_redirects_in_a_circle_are_refused():
    summary = ingest_aiid(SAMPLES / "circle")
    assert (summary.created, summary.duplicates) == (2, 1)
    assert [(error.source, error.line) for error in summary.errors] == [
        ("duplicates.csv", 3), ("duplicates.csv", 4),
    ]
    assert "circle (2 → 1 → 2)" in summary.errors[0].message
    assert resolve_number(1).chain == (1, 2)


@pytest.mark.django_db
def test_number_taken_by_another_source_is_not_taken_over():
    ours = make_incident(number=1, source=make_source(key="own"), source_record_id="x")
    make_incident(number=3, source=make_source(key="own"), source_record_id="y")
    summary = ingest_aiid(SAMPLES / "valid")
    assert Incident.objects.get(number=1) == ours
    numbers = dict(Incident.objects.filter(source__key="aiid").values_list("source_record_id", "number"))
    assert numbers == {"1": 4, "2": 2}
    assert classification_ratings("MIT", None, "Risk Domain") == {"mit": {4: "3. Misinformation"}}
    assert [error.source for error in summary.errors] == ["duplicates.csv"]


@pytest.mark.django_db
def test_new_taxonomy_version_leaves_the_old_codes_alone(tmp_path):
    path = snapshot_of("valid", tmp_path)
    taxon = {"namespace": "MIT", "field_list": [{"short_name": "Risk Domain", "permitted_values": ["3. Misinformation"]}]}
    (path / "taxa.json").write_text(json.dumps([taxon]))
    ingest_aiid(path)
    taxon["field_list"][0]["permitted_values"].append("8. New")
    (path / "taxa.json").write_text(json.dumps([taxon]))
    ingest_aiid(path)
    versions = TaxonomyVersion.objects.filter(taxonomy__namespace="MIT")
    assert [version.version for version in versions.order_by("version")] == [1, 2]
    old = versions.get(version=1).fields.get()
    assert old.permitted_values == ["3. Misinformation"]
    assert classification_ratings("MIT", 1, "Risk Domain") == classification_ratings("MIT", 2, "Risk Domain")


@pytest.mark.django_db
def test_only_a_curator_may_import():
    with pytest.raises(PermissionRefusedError):
        ingest_aiid(SAMPLES / "valid", actor=make_user("annotator"))
    curator = make_user("curator")
    ingest_aiid(SAMPLES / "valid", actor=curator)
    entry = LogEntry.objects.get(action="incidents.import")
    assert (entry.actor, entry.data["created"]) == (curator, 2)
    assert Incident.history.filter(history_user=curator).count() == 2


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("import_incidents", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_command_prints_one_json_object_and_lists_bad_rows_on_stderr():
    code, out, err = run("--format", "aiid", "--json", str(SAMPLES / "bad-date"))
    assert code == 0
    assert json.loads(out)["rejected"] == 1
    assert err == "incidents.csv, line 5, field date: '2024-13-40' is not a date (YYYY-MM-DD).\n"


@pytest.mark.django_db
@pytest.mark.parametrize("folder", ["empty", "no-such-folder", "valid/duplicates.csv"])
def test_command_refuses_what_it_cannot_read(folder):
    code, out, err = run("--format", "aiid", "--json", str(SAMPLES / folder))
    assert code == 1
    assert json.loads(out)["errors"][0]["message"] in err
    assert "Nothing was imported" in err


@pytest.mark.django_db
def test_command_says_in_json_that_a_file_has_no_row(tmp_path):
    heading = (SAMPLES / "valid" / "incidents.csv").read_text().splitlines()[0]
    (tmp_path / "incidents.csv").write_text(heading + "\n")
    code, out, err = run("--format", "aiid", "--json", str(tmp_path))
    assert code == 1
    assert json.loads(out)["errors"] == [
        {"source": "incidents.csv", "line": 1, "field": None, "message": "There is no row below the heading."}
    ]
    assert "incidents.csv, line 1: There is no row below the heading." in err


@pytest.mark.django_db
def test_command_refuses_a_file_without_one_good_row(tmp_path):
    text = (SAMPLES / "no-id" / "incidents.csv").read_text().splitlines()
    (tmp_path / "incidents.csv").write_text("\n".join([text[0], text[2]]) + "\n")
    code, out, err = run("--format", "aiid", str(tmp_path))
    assert code == 1
    assert "line 2, field incident_id" in err
    assert "Rejected rows: 1" in out
    assert Source.objects.count() == 0


@pytest.mark.django_db
def test_wrong_usage_is_exit_two():
    with pytest.raises(SystemExit) as caught:
        execute_from_command_line(["gvsir", "import_incidents", "--format", "nothing", "x"])
    assert caught.value.code == 2


@pytest.mark.django_db
def test_date_of_an_incident_is_the_date_of_the_event():
    ingest_aiid(SAMPLES / "valid")
    incident = Incident.objects.get(number=1)
    assert (incident.date, incident.date_precision) == (datetime.date(2024, 5, 17), "day")
