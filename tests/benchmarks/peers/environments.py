"""Where the peers live: each in an environment of its own, so that nothing of theirs touches this project's."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

INSPECT_RUN = Path(__file__).with_name("inspect_run.py")
INSPECT = "inspect_ai==0.3.285"
PROMPTFOO = "promptfoo@0.121.20"


def inspect_python(arguments: argparse.Namespace) -> str | None:
    """Return an interpreter that has inspect_ai: the one given, or one in a new environment under ``--peers``."""
    if arguments.inspect_python or not arguments.peers:
        return arguments.inspect_python or None
    folder = Path(arguments.peers).resolve() / "inspect"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", INSPECT, "openai"], check=True)
    return str(python)


def promptfoo_folder(arguments: argparse.Namespace) -> str | None:
    """Return a folder that has promptfoo: the one given, or one made under ``--peers``; None without npm."""
    if arguments.promptfoo or not arguments.peers:
        return arguments.promptfoo or None
    folder = Path(arguments.peers).resolve() / "promptfoo"
    if not (folder / "node_modules" / ".bin" / "promptfoo").exists():
        npm = shutil.which("npm")
        if npm is None:
            print("npm is not installed; promptfoo is left out")
            return None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"name": "peers", "private": true}\n')
        subprocess.run([npm, "install", "--no-audit", "--no-fund", PROMPTFOO], cwd=folder, check=True)
    return str(folder)
