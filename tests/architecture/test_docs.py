"""README names every setting and every command, and nothing in the tree names a place of ours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OWN_APPS = {"gvsir", "annotation", "bench"}


def own_commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if app in OWN_APPS)


def settings_read() -> list[str]:
    """Every GVSIR_* variable that the code reads."""
    found: set[str] = set()
    for app in OWN_APPS:
        for path in (ROOT / app).rglob("*.py"):
            found |= set(re.findall(r"[\"'](GVSIR_[A-Z_]+)[\"']", path.read_text()))
    return sorted(found)


def test_there_are_commands_and_settings_to_check():
    assert "demo" in own_commands()
    assert "GVSIR_DATABASE_URL" in settings_read()


@pytest.mark.parametrize("name", own_commands())
def test_command_is_in_readme(name):
    assert f"gvsir {name}" in README


@pytest.mark.parametrize("name", settings_read())
def test_setting_is_in_readme(name):
    assert name in README


@pytest.mark.parametrize("name", own_commands())
def test_command_has_help_with_an_example(name, capsys):
    from django.core.management import load_command_class

    parser = load_command_class(get_commands()[name], name).create_parser("gvsir", name)
    text = parser.format_help()
    assert f"gvsir {name}" in (parser.epilog or ""), f"the help of {name} has no example"
    assert len(text) > 200


def test_readme_holds_the_two_setup_commands():
    start = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e "
    assert start + ". && .venv/bin/gvsir demo" in README
    assert start + "'.[test]' && .venv/bin/pytest" in README


def test_no_file_names_a_registry_or_a_machine_path():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    bad = re.compile(r"pypi\.org/simple|index-url|/work/main|/work/shared|registry\.npmjs")
    offenders = []
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".gz", ".bz2", ".png", ".mo"} or name == "tests/architecture/test_docs.py":
            continue
        if path.is_file() and bad.search(path.read_text(errors="replace").replace("--no-emit-index-url", "")):
            offenders.append(name)
    assert offenders == []
