"""README's production section is enough: ``check --deploy`` has nothing to say."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check_deploy(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GVSIR_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env={**environment, **settings}, capture_output=True, text=True, check=False,
    )


def test_production_settings_of_readme_are_clean():
    done = check_deploy(
        GVSIR_SECRET_KEY=secrets.token_urlsafe(60), GVSIR_ALLOWED_HOSTS="example.org",
        GVSIR_DATABASE_URL="sqlite:///:memory:", GVSIR_HTTPS="true",
    )
    assert done.returncode == 0, done.stderr


def test_built_in_key_is_refused_in_production():
    done = check_deploy(GVSIR_DATABASE_URL="sqlite:///:memory:", GVSIR_HTTPS="true")
    assert "gvsir.E002" in done.stderr
    assert done.returncode != 0


def test_unknown_queue_is_named():
    done = check_deploy(GVSIR_DATABASE_URL="sqlite:///:memory:", GVSIR_QUEUE="carrier-pigeon")
    assert "carrier-pigeon" in done.stderr
    assert done.returncode != 0
