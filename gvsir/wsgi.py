"""WSGI entry point, served by granian."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gvsir.settings")
application = get_wsgi_application()
if settings.QUEUE == "database":  # one thread of the serving process executes waiting runs
    import_string(settings.EMBEDDED_WORKER)()
