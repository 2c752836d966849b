"""The process that serves the site executes what is queued there."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from bench.actions.create_run import create_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.models import Run
from tests.factories.bench import make_item, make_release
from tests.processes import ROOT, SharedDatabase, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def serve(shared, port, queue):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": shared.url, "GVSIR_QUEUE": queue,
    }
    program = (
        "from granian.constants import Interfaces; from granian.server import Server; "
        f"Server('gvsir.wsgi:application', address='127.0.0.1', port={port}, interface=Interfaces.WSGI, "
        "log_enabled=False).serve()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def answers(port):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
        return reply.status == 200
    return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_queued_run_is_executed_by_the_process_that_serves_and_only_with_the_default_queue(tmp_path):
    shared = SharedDatabase(tmp_path)
    run = create_run(
        release=make_release([make_item()]), language_models=[register_language_model("baseline:careful")],
        judges=[register_judge("heuristic")], actor=None,
    )
    shared.publish()
    states = []
    for queue, patience in (("inline", 2.0), ("database", 60.0)):
        port = free_port()
        server = serve(shared, port, queue)
        try:
            wait_until(lambda port=port: answers(port), server)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and run.status != Run.Status.FINISHED:
                assert server.poll() is None, server.stdout.read()
                time.sleep(0.5)
                shared.fetch()
                run.refresh_from_db()
        finally:
            server.terminate()
            server.communicate(timeout=30)
        states.append(run.status)
    assert states == [Run.Status.QUEUED, Run.Status.FINISHED]
