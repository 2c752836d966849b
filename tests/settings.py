"""Settings of the tests: SQLite, or PostgreSQL with ``GVSIR_TEST_DB=postgres``."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if os.environ.get("GVSIR_TEST_DB") == "postgres":
    from tests import pg

    os.environ["GVSIR_DATABASE_URL"] = os.environ.get("GVSIR_TEST_POSTGRES_URL") or pg.start()
else:
    os.environ["GVSIR_DATABASE_URL"] = "sqlite:///:memory:"
os.environ["GVSIR_QUEUE"] = "inline"

from gvsir.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}  # noqa: F405
ALLOWED_HOSTS = ["*"]
MEDIA_ROOT = Path(tempfile.mkdtemp(prefix="gvsir-tests-"))
atexit.register(shutil.rmtree, MEDIA_ROOT, ignore_errors=True)
if os.environ.get("GVSIR_TEST_SQLITE_FILE"):  # tests of what happens at once need a database that is a file
    DATABASES["default"]["TEST"] = {"NAME": os.environ["GVSIR_TEST_SQLITE_FILE"]}  # noqa: F405
