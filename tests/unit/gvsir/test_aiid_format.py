"""A broken snapshot: each bad row is named by file, line and field; the others are read."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from gvsir.exceptions import FormatError
from gvsir.formats import csv_rows, file_set
from gvsir.formats.aiid import AiidSnapshot
from gvsir.formats.csv_rows import read_rows
from gvsir.formats.spreadsheet import neutralise

SAMPLES = Path(__file__).resolve().parents[3] / "fixtures" / "samples" / "aiid"
HEADING = (SAMPLES / "valid" / "incidents.csv").read_text().splitlines()[0]


def read(folder: str | Path) -> tuple[list[int], list[FormatError], AiidSnapshot]:
    snapshot = AiidSnapshot(SAMPLES / folder)
    return [row.incident_id for row in snapshot.incidents()], snapshot.errors, snapshot


def places(errors: list[FormatError]) -> list[tuple[str, int | None, str | None]]:
    return [(error.source, error.line, error.field) for error in errors]


@pytest.mark.parametrize(
    ("folder", "good", "line", "field", "words"),
    [
        ("truncated", [1, 2], 4, "description", "cut off"),
        ("missing-cells", [1, 3], 3, "Alleged deployer of AI system", "has 3 cells, the heading 8"),
        ("latin-1", [1, 3], 3, "description", "not UTF-8 text (byte 0xFC)"),
        ("no-id", [1, 3], 3, "incident_id", "The number is missing"),
        ("bad-date", [1, 2, 4], 5, "date", "'2024-13-40' is not a date"),
        ("repeated-id", [1, 2], 3, "incident_id", "stands on line 2 already"),
    ],
)
def test_bad_row_is_named_and_the_others_are_read(folder, good, line, field, words):
    numbers, errors, _ = read(folder)
    assert numbers == good
    assert places(errors) == [("incidents.csv", line, field)]
    assert words in errors[0].message
    assert str(errors[0]).startswith(f"incidents.csv, line {line}, field {field}: ")


def test_reports_that_are_no_numbers_are_refused_row_by_row():
    numbers, errors, _ = read("bad-reports")
    assert numbers == [1]
    assert places(errors) == [("incidents.csv", 3, "reports"), ("incidents.csv", 4, "reports")]


@pytest.mark.parametrize(
    ("folder", "line", "field"), [("no-column", 1, "reports"), ("utf-16", 1, None), ("empty", None, None)]
)
def test_unreadable_file_is_refused_as_a_whole(folder, line, field):
    with pytest.raises(FormatError) as caught:
        read(folder)
    assert (caught.value.source, caught.value.line, caught.value.field) == ("incidents.csv", line, field)


def test_formula_cell_is_kept_and_named():
    numbers, errors, snapshot = read("formula")
    assert numbers == [1, 2]
    assert errors == []
    assert places(snapshot.warnings) == [("incidents.csv", 2, "title"), ("incidents.csv", 3, "description")]
    assert next(snapshot.incidents()).title == "=HYPERLINK(1) 1"


def test_valid_snapshot_keeps_line_breaks_chinese_and_emoji():
    snapshot = AiidSnapshot(SAMPLES / "valid")
    second = list(snapshot.incidents())[1]
    assert second.description == "聊天机器人编造了判例。 😀 Zwei\nZeilen"
    assert second.reports == (2, 1)
    rows = list(snapshot.classifications("classifications_MIT.csv"))
    assert [(row.incident_id, row.is_published, row.values) for row in rows] == [
        (1, True, {"Risk Domain": "3. Misinformation"}), (2, False, {}),
    ]
    assert [(row.number, row.true_number) for row in snapshot.duplicates()] == [(3, 1)]


@pytest.mark.parametrize("size", [10_000_000, 120_000_000])
@pytest.mark.parametrize("start", ["", "a line break\n" * 40])
def test_huge_cell_is_refused_in_bounded_memory(tmp_path, start, size):
    row = '{n},2024-05-17,"[1]","[]","[]","[]","{text}","Example"\n'
    with (tmp_path / "incidents.csv").open("w") as file:
        file.write(HEADING + "\n" + row.format(n=1, text="short"))
        before, after = row.format(n=2, text="|").split("|")
        file.write(before + start)
        for _ in range(size // 1_000_000):
            file.write("x" * 1_000_000)
        file.write(after + row.format(n=3, text="end"))
    tracemalloc.start()
    numbers, errors, _ = read(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers == [1, 3]
    assert places(errors) == [("incidents.csv", 3, "description")]
    assert "over the limit of 1,000,000 characters" in errors[0].message
    assert peak < 60_000_000


def test_cell_of_many_short_lines_over_the_limit_is_refused_once(tmp_path):
    long = "short line\n" * 200_000
    text = f'{HEADING}\n1,2024-05-17,"[1]","[]","[]","[]","{long}","Example"\n2,,"[]","[]","[]","[]","ok","Example"\n'
    (tmp_path / "incidents.csv").write_text(text)
    numbers, errors, _ = read(tmp_path)
    assert numbers == [2]
    assert places(errors) == [("incidents.csv", 2, "description")]


def test_quote_left_open_in_the_middle_costs_its_row_not_the_file(tmp_path):
    good = '{n},2024-05-17,"[1]","[]","[]","[]","text","Example"\n'
    broken = '2,2024-05-17,"[1]","[]","[]","[]","never closed,Example\n'
    (tmp_path / "incidents.csv").write_text(HEADING + "\n" + good.format(n=1) + broken + good.format(n=3) + good.format(n=4))
    numbers, errors, _ = read(tmp_path)
    assert numbers == [1, 4]
    assert errors[0].line == 3


def test_nul_character_is_refused(tmp_path):
    (tmp_path / "incidents.csv").write_text(f'{HEADING}\n1,2024-05-17,"[1]","[]","[]","[]","a\0b","Example"\n')
    numbers, errors, _ = read(tmp_path)
    assert numbers == []
    assert places(errors) == [("incidents.csv", 2, "description")]


def test_heading_met_twice_has_two_keys():
    stream = io.BytesIO(b"\xef\xbb\xbfAI System,Notes,AI System\nyes,,no\n\n,,\n")
    rows = list(read_rows(stream, source="x.csv", on_error=pytest.fail))
    assert [row.cells for row in rows] == [{"AI System": "yes", "Notes": "", "AI System (2)": "no"}]


def archive(path: Path, files: dict[str, bytes], kind: str = "w:bz2") -> Path:
    with tarfile.open(path, kind) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_official_archive_reads_as_the_folder_does(tmp_path):
    files = {
        f"mongodump_full_snapshot/{path.name}": path.read_bytes() for path in sorted((SAMPLES / "valid").iterdir())
    }
    files["mongodump_full_snapshot/reports.csv"] = b"text that must not be read"
    files["mongodump_full_snapshot/submissions.csv"] = b"text that must not be read"
    snapshot = AiidSnapshot(archive(tmp_path / "snapshot.tar.bz2", files))
    assert list(snapshot.incidents()) == list(AiidSnapshot(SAMPLES / "valid").incidents())
    assert snapshot.files.names == ["classifications_MIT.csv", "duplicates.csv", "incidents.csv"]


def test_gzipped_file_reads_as_the_plain_one(tmp_path):
    (tmp_path / "incidents.csv.gz").write_bytes(gzip.compress((SAMPLES / "valid" / "incidents.csv").read_bytes()))
    assert list(AiidSnapshot(tmp_path).incidents()) == list(AiidSnapshot(SAMPLES / "valid").incidents())


def test_truncated_gzip_is_refused(tmp_path):
    packed = gzip.compress((SAMPLES / "valid" / "incidents.csv").read_bytes())
    (tmp_path / "incidents.csv.gz").write_bytes(packed[:-20])
    with pytest.raises(FormatError, match="damaged"):
        list(AiidSnapshot(tmp_path).incidents())


def test_truncated_archive_is_refused(tmp_path):
    content = (SAMPLES / "valid" / "incidents.csv").read_bytes() + b"\n" * 100
    path = archive(tmp_path / "whole.tar.bz2", {"a/incidents.csv": content})
    broken = tmp_path / "broken.tar.bz2"
    broken.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FormatError, match="cannot be read"):
        AiidSnapshot(broken)


def test_file_that_unpacks_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(file_set, "MOST_FILE_BYTES", 1000)
    content = (HEADING + "\n").encode() + b"\n" * 100_000
    (tmp_path / "incidents.csv.gz").write_bytes(gzip.compress(content))
    with pytest.raises(FormatError, match="over 1,000 bytes"):
        list(AiidSnapshot(tmp_path).incidents())
    with pytest.raises(FormatError, match="over 1,000 bytes"):
        AiidSnapshot(archive(tmp_path / "bomb.tar.bz2", {"incidents.csv": content}))


def test_archive_that_names_a_file_twice_is_refused(tmp_path):
    content = (SAMPLES / "valid" / "incidents.csv").read_bytes()
    path = archive(tmp_path / "twice.tar", {"a/incidents.csv": content, "b/incidents.csv": content}, "w")
    with pytest.raises(FormatError, match="twice"):
        AiidSnapshot(path)


def test_link_in_an_archive_is_never_followed(tmp_path):
    path = tmp_path / "link.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("incidents.csv")
        member.type = tarfile.SYMTYPE
        member.linkname = "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(FormatError, match=r"no incidents\.csv"):
        AiidSnapshot(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not an archive", r"is no \.tar\.bz2 archive"), (b"", r"is no \.tar\.bz2 archive"),
        (b"incident_id,date\n" * 200, r"is no \.tar\.bz2 archive"), (bz2.compress(b"not a tar either"), "cannot be read"),
    ],
)
def test_file_that_is_no_archive_is_refused(tmp_path, content, words):
    path = tmp_path / "snapshot.tar.bz2"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=words):
        AiidSnapshot(path)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("99999999999999999999", "'99999999999999999999' is too large; the highest number is 2,000,000,000."),
        ("2000000001", "'2000000001' is too large; the highest number is 2,000,000,000."),
        ("0", "'0' is not a number above 0."), ("000000000000000", "'000000000000000' is not a number above 0."),
        ("-3", "'-3' is not a number above 0."), ("²", "'²' is not a number above 0."),
    ],
)
def test_a_number_out_of_range_says_on_which_side(tmp_path, cell, words):
    lines = (SAMPLES / "valid" / "incidents.csv").read_text().splitlines()
    heading = HEADING.split(",")
    place = heading.index("incident_id")
    row = [""] * len(heading)
    row[place] = cell
    (tmp_path / "incidents.csv").write_text("\n".join([lines[0], ",".join(row)]) + "\n")
    snapshot = AiidSnapshot(tmp_path)
    assert list(snapshot.incidents()) == []
    assert [(error.line, error.field, error.message) for error in snapshot.errors] == [(2, "incident_id", words)]


def test_a_file_without_a_row_is_an_error(tmp_path):
    (tmp_path / "incidents.csv").write_text(HEADING + "\n")
    snapshot = AiidSnapshot(tmp_path)
    assert list(snapshot.incidents()) == []
    assert [str(error) for error in snapshot.errors] == ["incidents.csv, line 1: There is no row below the heading."]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_export_neutralises_what_a_spreadsheet_would_run(start):
    assert neutralise(f"{start}1") == f"'{start}1"
    assert neutralise(f"1{start}") == f"1{start}"


def test_field_size_limit_of_the_process_is_left_as_it_was():
    import csv

    before = csv.field_size_limit()
    read("valid")
    assert csv.field_size_limit() == before != csv_rows.MOST_CELL_CHARACTERS


@pytest.mark.parametrize("date", ["20240517", "2024-W20-5", "2024-5-17", "2024-02-30", "\u0662\u0660\u0662\u0664-05-17", "17.05.2024"])
def test_only_year_month_day_is_a_date(tmp_path, date):
    row = '{n},{date},"[1]","[]","[]","[]","text","Example"\n'
    (tmp_path / "incidents.csv").write_text(HEADING + "\n" + row.format(n=1, date=date) + row.format(n=2, date="2024-05-17"))
    numbers, errors, _ = read(tmp_path)
    assert numbers == [2]
    assert places(errors) == [("incidents.csv", 2, "date")]


def test_mark_at_the_start_and_crlf_line_ends_change_nothing(tmp_path):
    plain = (SAMPLES / "valid" / "incidents.csv").read_bytes()
    (tmp_path / "incidents.csv").write_bytes(b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"))
    assert list(AiidSnapshot(tmp_path).incidents()) == list(AiidSnapshot(SAMPLES / "valid").incidents())


def test_line_ends_of_cr_alone_are_named(tmp_path):
    (tmp_path / "incidents.csv").write_bytes((SAMPLES / "valid" / "incidents.csv").read_bytes().replace(b"\n", b"\r"))
    with pytest.raises(FormatError, match="CR alone; save the file with LF") as caught:
        read(tmp_path)
    assert caught.value.line == 1


@pytest.mark.parametrize("last", ["Examp", '"Examp"', '"He said ""yes"'])
def test_last_row_without_a_line_break_is_refused(tmp_path, last):
    whole = f'{HEADING}\n1,2024-05-17,"[1]","[]","[]","[]",text,Example\n2,2024-05-17,"[1]","[]","[]","[]",text,{last}'
    (tmp_path / "incidents.csv").write_text(whole)
    numbers, errors, snapshot = read(tmp_path)
    assert (numbers, snapshot.warnings) == ([1], [])
    assert places(errors) == [("incidents.csv", 3, "title")]
    assert "cut off" in errors[0].message


def test_cell_under_a_blank_heading_is_refused_and_a_blank_column_left_out():
    errors: list[FormatError] = []
    stream = io.BytesIO(b"a,, ,a\n1,,,2\n3,x,,4\n")
    rows = list(read_rows(stream, source="x.csv", on_error=errors.append))
    assert [row.cells for row in rows] == [{"a": "1", "a (2)": "2"}]
    assert places(errors) == [("x.csv", 3, "column 2")]


def test_heading_that_looks_like_a_numbered_one_keeps_its_cells():
    stream = io.BytesIO(b"a,a (2),a\n1,2,3\n")
    assert [row.cells for row in read_rows(stream, source="x.csv", on_error=pytest.fail)] == [
        {"a": "1", "a (2)": "2", "a (3)": "3"}
    ]


def test_endless_blank_lines_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "MOST_LINES", 1000)
    (tmp_path / "incidents.csv").write_text(HEADING + "\n" * 1001)
    with pytest.raises(FormatError, match="over 1,000 lines"):
        read(tmp_path)


def test_archive_whose_files_together_are_too_large_is_refused(tmp_path, monkeypatch):
    content = (SAMPLES / "valid" / "incidents.csv").read_bytes()
    monkeypatch.setattr(file_set, "MOST_KEPT_BYTES", 2 * len(content))
    files = {f"classifications_{name}.csv": content for name in "AB"}
    assert len(file_set.FileSet(archive(tmp_path / "two.tar", files, "w"), lambda name: True).names) == 2
    with pytest.raises(FormatError, match=r"classifications_C\.csv: The files up to this one are over"):
        AiidSnapshot(archive(tmp_path / "three.tar", {**files, "classifications_C.csv": content}, "w"))


def test_member_that_points_out_of_the_archive_writes_nothing_there(tmp_path):
    content = (SAMPLES / "valid" / "incidents.csv").read_bytes()
    inside = tmp_path / "inside"
    inside.mkdir()
    snapshot = AiidSnapshot(archive(inside / "a.tar", {"../../incidents.csv": content}, "w"))
    assert len(list(snapshot.incidents())) == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "inside"]


def test_name_too_long_for_the_system_is_refused():
    with pytest.raises(FormatError, match="cannot be read"):
        AiidSnapshot(Path("a" * 5000))


@pytest.mark.parametrize("name", ["classifications_ÄÖ.csv", "classifications_.csv", f"classifications_{'n' * 90}.csv",
                                  "classifications_A B.csv"])
def test_classifications_of_a_taxonomy_that_cannot_be_named_are_left_out_by_name(tmp_path, name):
    (tmp_path / "incidents.csv").write_bytes((SAMPLES / "valid" / "incidents.csv").read_bytes())
    (tmp_path / name).write_text("Incident ID,Published,x\n1,true,y\n")
    snapshot = AiidSnapshot(tmp_path)
    assert snapshot.classification_files() == []
    assert places(snapshot.errors) == [(name, None, None)]


def test_heading_longer_than_a_key_is_refused(tmp_path):
    (tmp_path / "incidents.csv").write_bytes((SAMPLES / "valid" / "incidents.csv").read_bytes())
    (tmp_path / "classifications_A.csv").write_text(f"Incident ID,Published,{'k' * 201}\n1,true,y\n")
    with pytest.raises(FormatError, match="201 characters") as caught:
        AiidSnapshot(tmp_path).columns("classifications_A.csv")
    assert caught.value.line == 1


@pytest.mark.parametrize(
    "taxa",
    [
        "{broken", '"text"', '[{"namespace": "A"}]', '[{"namespace": 5, "field_list": []}]', '[{"field_list": []}]',
        '[{"namespace": "A", "field_list": [{}]}]', '[{"namespace": "A", "field_list": [{"short_name": "a\\u0000"}]}]',
        '[{"namespace": "A", "field_list": [{"short_name": "\\ud800"}]}]',
        '[{"namespace": "A", "field_list": [{"short_name": "a", "permitted_values": "yes"}]}]',
        '[{"namespace": "A", "field_list": [{"short_name": "a", "display_type": "' + "x" * 41 + '"}]}]',
        "[" * 100_000,
    ],
)
def test_taxonomies_that_are_none_are_refused(tmp_path, taxa):
    (tmp_path / "incidents.csv").write_bytes((SAMPLES / "valid" / "incidents.csv").read_bytes())
    (tmp_path / "taxa.json").write_text(taxa)
    with pytest.raises(FormatError, match=r"taxa\.json: This is not a list of taxonomies"):
        AiidSnapshot(tmp_path).taxonomies()
