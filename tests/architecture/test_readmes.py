"""The README of each app leads to files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("gvsir", "annotation", "bench")
MOST_LINES = 150
#: A file or folder in code quotes: at least one slash, or a suffix that this project's files have.
NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
SUFFIXES = (".py", ".js", ".css", ".html", ".json", ".jsonl", ".po", ".md", ".toml")


def paths_in(app: str) -> list[str]:
    """Return what the README of ``app`` names as a path."""
    named = NAMED.findall((ROOT / app / "README.md").read_text())
    return sorted({name for name in named if name.endswith(SUFFIXES) or "/" in name})


def modules_in(app: str) -> list[str]:
    """Return what it names as a dotted module or a function in one: ``actions.merge_incidents.merge``."""
    named = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?:\.\w+)?`", (ROOT / app / "README.md").read_text())
    return sorted({name for name in named if not name.endswith(SUFFIXES)})


def exists(app: str, path: str) -> bool:
    return (ROOT / app / path).exists() or (ROOT / path).exists()


@pytest.mark.parametrize("app", APPS)
def test_every_path_it_names_exists(app):
    assert [path for path in paths_in(app) if not exists(app, path)] == []


@pytest.mark.parametrize("app", APPS)
def test_every_module_it_names_exists(app):
    def is_there(dotted: str) -> bool:
        parts = dotted.split(".")
        return any(
            exists(app, "/".join(parts[:number]) + suffix)
            for number in range(1, len(parts) + 1) for suffix in (".py", "/__init__.py")
        )

    assert [name for name in modules_in(app) if not is_there(name)] == []


@pytest.mark.parametrize("app", APPS)
def test_it_is_short_enough_to_be_read(app):
    assert len((ROOT / app / "README.md").read_text().splitlines()) <= MOST_LINES


def test_there_are_paths_to_check():
    assert len(paths_in("bench")) > 40
    assert "actions/claim_work.py" in paths_in("bench")
    assert not exists("bench", "actions/no_such_action.py")


def test_the_readme_of_bench_numbers_its_steps_without_a_gap():
    numbers = re.findall(r"^(\d+)\. ", (ROOT / "bench" / "README.md").read_text(), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))
