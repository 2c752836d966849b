"""The console script in a process of its own: exit codes, and what stands on which stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "fixtures" / "samples" / "aiid"


def gvsir(database, *arguments, **variables):
    """Run ``gvsir`` on its own SQLite file (or URL); return exit code, standard output, standard error."""
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": url, **variables}
    done = subprocess.run(
        [sys.executable, "-c", "from gvsir.cli import main; main()", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def database(tmp_path):
    """An SQLite file with tables and nothing in them."""
    file = tmp_path / "site.sqlite3"
    assert gvsir(file, "migrate", "-v0") == (0, "", "")
    return file


def test_an_unknown_command_is_wrong_usage(tmp_path):
    code, out, err = gvsir(tmp_path / "no.sqlite3", "import_incident")
    assert (code, out) == (2, "")
    assert err == "gvsir: there is no command 'import_incident'; gvsir help lists them.\n"


@pytest.mark.parametrize("arguments", [
    ["import_incidents", "--format", "aiid", SAMPLES / "valid", "--json"], ["load_reference", "--json"],
    ["bench_runs", "--json"], ["leaderboard", "gvs", "--json"],
])
def test_a_database_without_tables_is_refused_with_what_to_do(tmp_path, arguments):
    code, out, err = gvsir(tmp_path / "new.sqlite3", *arguments)
    assert (code, out) == (1, "")
    assert err == (
        "gvsir: The database lacks tables of this version. Run `gvsir migrate`, or `gvsir demo` for a new one.\n"
    )


def test_a_database_that_is_not_there_is_refused_by_its_setting(tmp_path):
    code, out, err = gvsir("postgres://nobody@127.0.0.1:1/nothing", "load_reference", "--json")
    assert (code, out) == (1, "")
    assert "GVSIR_DATABASE_URL" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("variable", "value"), [("GVSIR_DEBUG", "perhaps"), ("GVSIR_DATABASE_URL", "foo://x"), ("GVSIR_LANGUAGE_CODE", "xx")]
)
def test_a_setting_that_cannot_be_is_named_in_one_line(tmp_path, variable, value):
    code, out, err = gvsir(tmp_path / "no.sqlite3", "check", **{variable: value})
    assert (code, out) == (1, "")
    assert err.startswith(f'gvsir: Environment variable "{variable}" invalid')
    assert err.count("\n") == 1


def test_incidents_go_into_a_new_database_without_reference_data(database):
    code, out, err = gvsir(database, "import_incidents", "--format", "aiid", SAMPLES / "valid", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["created"] == 2
    code, out, _ = gvsir(database, "import_incidents", "--format", "aiid", SAMPLES / "valid", "--json")
    again = json.loads(out)
    assert (code, again["created"], again["updated"], again["unchanged"]) == (0, 0, 0, 2)


def test_a_reader_that_leaves_early_is_no_error(database):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": f"sqlite:///{database}"}
    with subprocess.Popen(
        [sys.executable, "-c", "from gvsir.cli import main; main()", "showmigrations"], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 141


def test_a_price_that_is_none_is_refused_in_a_sentence(database):
    for option, said in (
        (["--input-price", "nan"], "argument --input-price: 'nan' is no amount of US dollars, such as 1.25."),
        (["--option", "speed=fast"], "--option speed=fast: a number is expected."),
    ):
        code, out, err = gvsir(database, "language_model", "m@http://127.0.0.1:9/v1", *option)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].endswith(said)
