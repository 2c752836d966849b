"""Pure modules run in a bare interpreter: none of them may pull in Django."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = [
    "gvsir.exceptions",
    "gvsir.formats",
    "annotation.offsets",
    "annotation.agreement",
    "bench.specs",
    "bench.prompts",
    "bench.labelling",
    "bench.formats",
    "bench.execution",
    "bench.exceptions",
    "bench.derivation",
    "bench.providers",
    "bench.scoring",
    "bench.metrics",
    "bench.irt",
]


def modules_of(name: str) -> list[str]:
    """Return ``name`` and every module below it that exists in the tree."""
    path = ROOT.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return [name]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in sorted(path.rglob("*.py"))
    ]


def test_every_name_in_the_list_exists():
    assert [name for name in PURE if not modules_of(name)] == []


@pytest.mark.parametrize("name", PURE)
def test_pure_package_imports_without_django(name):
    script = "import importlib, sys\n" + "".join(
        f"importlib.import_module({module!r})\n" for module in modules_of(name)
    )
    script += "sys.exit(any(m.split('.')[0] in {'django', 'rest_framework'} for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or f"{name} imports Django"


def test_package_roots_are_empty():
    for app in ("gvsir", "annotation", "bench"):
        assert (ROOT / app / "__init__.py").read_text().strip() in {"", "from __future__ import annotations"}
