"""Time the pages of a large repository: ``python -m tests.benchmarks.incident_scale --incidents 20000``.

Builds a scratch database (SQLite in a temporary folder, or GVSIR_DATABASE_URL) from the shipped records,
multiplied, then asks each page a few times. Each line: what, median milliseconds on the server, queries.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

LIMIT = 300
BATCH = 2000
PAGES = {
    "list, unfiltered": "/incidents/",
    "list, page 400": "/incidents/?page=400",
    "list, filtered": "/incidents/?year=2024&developer=openai",
    "list, by kind of risk": "/incidents/?risk=3.+Misinformation",
    "list, by reports": "/incidents/?reports=5%2B&sort=reports",
    "list, not coded": "/incidents/?category=none",
    "list, searched, rare": "/incidents/?q=self-driving+pedestrian",
    "list, searched, common": "/incidents/?q=deepfake&sort=match",
    "incident": "/incidents/1/",
    "overview": "/",
    "statistics": "/statistics/",
    "API, incidents": "/api/v1/incidents/",
    "API, incidents, searched": "/api/v1/incidents/?q=deepfake",
    "API, classifications": "/api/v1/classifications/",
}


def build(n_incidents: int, n_values: int) -> dict[str, int]:
    """Fill the database from the shipped records, copied until there are enough."""
    from django.conf import settings
    from django.core.management import call_command

    from annotation.actions.load_demonstration_coding import load_demonstration_coding
    from gvsir.actions.ingest_incidents import ingest_aiid
    from gvsir.actions.load_reference import load_reference
    from gvsir.models import ClassificationValue, Incident, IncidentReport
    from gvsir.search import index_incidents, refresh_statistics

    call_command("migrate", verbosity=0)
    if Incident.objects.count() < n_incidents:
        load_reference()
        ingest_aiid(settings.FIXTURES_DIR / "incidents" / "aiid")
        load_demonstration_coding()
        originals = list(Incident.objects.order_by("pk"))
        copy = 0
        while Incident.objects.count() < n_incidents:
            copy += 1
            multiply(originals[: n_incidents - Incident.objects.count()], copy, n_values)
        index_incidents(Incident.objects.filter(number__gt=100_000).values_list("pk", flat=True))
        refresh_statistics()
    return {
        "incidents": Incident.objects.count(), "reports": IncidentReport.objects.count(),
        "values": ClassificationValue.objects.count(),
    }


def multiply(originals: list, copy: int, n_values: int) -> None:
    """Add one copy of ``originals`` with all that hangs on them."""
    from gvsir.models import (
        Classification,
        ClassificationValue,
        EntityRole,
        Incident,
        IncidentReport,
        Report,
    )

    made = Incident.objects.bulk_create([
        Incident(
            number=100_000 * copy + each.number, source=each.source, source_record_id=f"{each.source_record_id}-{copy}",
            status=each.status, title=each.title, description=each.description, date=each.date, harm=each.harm,
        )
        for each in originals
    ], batch_size=BATCH)
    new = dict(zip([each.pk for each in originals], made, strict=True))
    EntityRole.objects.bulk_create([
        EntityRole(incident=new[role.incident_id], entity_id=role.entity_id, role=role.role)
        for role in EntityRole.objects.filter(incident__number__lt=100_000) if role.incident_id in new
    ], batch_size=BATCH)
    links = [each for each in IncidentReport.objects.filter(incident__number__lt=100_000) if each.incident_id in new]
    reports = Report.objects.bulk_create([
        Report(source=each.report.source, source_record_id=f"{each.pk}-{copy}") for each in links
    ], batch_size=BATCH)
    IncidentReport.objects.bulk_create([
        IncidentReport(incident=new[each.incident_id], report=report) for each, report in zip(links, reports, strict=True)
    ], batch_size=BATCH)
    if ClassificationValue.objects.count() >= n_values:
        return
    olds = [each for each in Classification.objects.filter(incident__number__lt=100_000) if each.incident_id in new]
    copies = Classification.objects.bulk_create([
        Classification(
            incident=new[each.incident_id], taxonomy_version_id=each.taxonomy_version_id, coder_id=each.coder_id,
            is_published=each.is_published,
        )
        for each in olds
    ], batch_size=BATCH)
    of = {old.pk: fresh for old, fresh in zip(olds, copies, strict=True)}
    ClassificationValue.objects.bulk_create([
        ClassificationValue(classification=of[each.classification_id], field_id=each.field_id, value=each.value)
        for each in ClassificationValue.objects.filter(classification__incident__number__lt=100_000)
        if each.classification_id in of
    ], batch_size=BATCH)


def ask(client, path: str, runs: int) -> tuple[float, int, int]:
    """Return median milliseconds, number of queries, and bytes of the answer."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    taken = []
    for _ in range(runs):
        with CaptureQueriesContext(connection) as queries:
            start = time.perf_counter()
            answer = client.get(path)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            taken.append(1000 * (time.perf_counter() - start))
        assert answer.status_code == 200, (path, answer.status_code)
    slowest = max(queries.captured_queries, key=lambda each: float(each["time"]), default=None)
    if slowest and os.environ.get("SLOWEST"):
        print(f"    {slowest['time']} s: {slowest['sql'][:1500]}")
    return statistics.median(taken), len(queries), len(body)


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=20_000)
    parser.add_argument("--values", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a line's name")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gvsir-scale-"))
    os.environ.setdefault("GVSIR_DATABASE_URL", f"sqlite:///{folder / 'scale.sqlite3'}")
    os.environ["DJANGO_SETTINGS_MODULE"] = "gvsir.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    start = time.perf_counter()
    sizes = build(options.incidents, options.values)
    print(f"{sizes}, built in {time.perf_counter() - start:.0f} s")
    curator = User.objects.get_or_create(username="benchmark")[0]
    curator.groups.add(Group.objects.get_or_create(name="curator")[0])
    signed_in = Client()
    signed_in.force_login(curator)
    for who, client in (("anyone", Client()), ("curator", signed_in)):
        for name, path in PAGES.items():
            if options.only in name:
                milliseconds, queries, _ = ask(client, path, options.runs)
                verdict = "" if milliseconds <= LIMIT else f"OVER {LIMIT}"
                print(f"{who:<8} {name:<28}{milliseconds:>9.0f} ms {queries:>4} queries  {verdict}")
    if options.only in "CSV":
        milliseconds, queries, size = ask(Client(), "/incidents.csv", 1)
        print(f"anyone   {'CSV of everything':<28}{milliseconds:>9.0f} ms {queries:>4} queries  {size:,} bytes")


if __name__ == "__main__":
    main()
