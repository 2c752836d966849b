"""Every page answers every address: no parameter, however odd, makes one fail, and none is shown unescaped."""

from __future__ import annotations

import re

import pytest
from django.urls import get_resolver

from annotation.models import Assignment, Code, Codebook, Document, Round
from bench.models import Judge, LanguageModel, Release
from gvsir import facets
from gvsir.models import Incident
from tests.api_addresses import walk
from tests.factories.api_world import make_world
from tests.factories.gvsir import make_user

SCRIPT = "'\"><script>alert(1)</script>"
ODD = {
    "letters": "abc", "negative": "-1", "high": "1000000000", "higher": "9" * 30, "fraction": "1.5", "nan": "NaN",
    "infinite": "inf", "overflow": "1e999", "negative infinite": "-inf", "empty": "", "nul": "a\0b", "emoji": "😀\U0010ffff",
    "right to left": "\u202eabc", "script": SCRIPT, "sql": "' OR 1=1 --", "path": "../../etc/passwd", "wildcard": "%_\\*",
    "operators": 'NEAR("a" AND -b)', "other digits": "٣", "line breaks": "\r\nSet-Cookie: a=b", "braces": "{{7*7}}{0}%s",
    "long": "x" * 20_000, "long number": "1" * 5000,
}
#: What the pages read, and what they might.
NAMES = [
    "q", "page", "sort", "state", "category", "stance", "status", "round", "coder", "as", "models", "measurement",
    "coverage", "w_life_safety", "w_bias", "release", "run", "language", "model", "from", "own", "next", "epoch", "kind",
]
FILES = {"csv", "json", "jsonl", "svg"}
OWN_APPS = ("gvsir.", "annotation.", "bench.")


def pages(world):
    """Return the address of every page, with the keys of real records."""
    keys = {
        "number": world.incident.number, "public_id": world.item.public_id, "name": Release.objects.get().name,
        "system": "gvs", "kind": "score", "id": world.score.pk, "code": Code.objects.first().pk,
        "document": Document.objects.first().pk, "verb": "mark", "change": "pause",
        "sha256": "0" * 64,
    }
    first = {
        "codebooks": Codebook, "rounds": Round, "runs": type(world.run), "responses": type(world.response),
        "scores": type(world.score), "models": LanguageModel, "code": Assignment, "judges": Judge,
    }
    found = []
    for route, pattern in walk(get_resolver().url_patterns):
        module = getattr(pattern.callback, "__module__", "") or ""
        if not module.startswith(OWN_APPS) or route.startswith("api/") or pattern.name == "components":
            continue

        def key(match, route=route):
            name = match[1]
            if name != "pk":
                return str(keys[name])
            before = route[: match.start()].rstrip("/").rpartition("/")[2]
            record = first[before].objects.first() if before in first else None
            return str(record.pk if record else 1)

        found.append("/" + re.sub(r"<(?:\w+:)?(\w+)>", key, route))
    return found


def body(answer):
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("reader", ["anonymous", "curator"])
def test_no_parameter_makes_a_page_fail(client, reader):
    if reader != "anonymous":
        client.force_login(make_user(reader))
    addresses = pages(make_world())
    assert len(addresses) > 40
    reached = 0
    for address in addresses:
        if client.get(address).status_code != 200:  # a page for others, or one that only takes POST
            continue
        reached += 1
        for what, value in ODD.items():
            answer = client.get(address, dict.fromkeys([*NAMES, *facets.FACETS], value))
            given = body(answer)
            assert answer.status_code < 500, (address, what)
            assert "Set-Cookie" not in given.decode(errors="replace").split("\r\n"), (address, what)
            if "html" in answer["Content-Type"]:
                assert b"<script>alert(1)" not in given, (address, what)
        for kind in FILES:
            assert client.get(address, {"format": kind, "w_bias": "NaN"}).status_code < 500, (address, kind)
    assert reached > 20


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["-1", "NaN", "inf", "1e999", "abc"])
def test_a_weight_that_is_none_is_refused_on_the_page_and_in_files(client, value):
    make_world()
    page = client.get("/leaderboard/gvs/", {"w_bias": value})
    assert page.status_code == 400
    answer = client.get("/leaderboard/gvs/", {"w_bias": value, "format": "json"})
    assert (answer.status_code, set(answer.json())) == (400, {"error"})


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["0", "2147483648", "99999999999999999999999", "00001", "-1", "abc", "%00", "1.5", "\uff11"])
def test_a_number_without_an_incident_is_not_found(client, number):
    assert not Incident.objects.exists()
    assert client.get(f"/incidents/{number}/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f", "abcdefgh\r\nX-Evil: 1", "<script>alert", "é" * 10])
def test_a_request_id_that_is_none_is_not_echoed(client, given):
    answer = client.get("/about/", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])
    assert "X-Evil" not in answer


@pytest.mark.django_db
def test_a_request_id_is_echoed(client):
    assert client.get("/about/", headers={"X-Request-ID": "trace-1234.5_6"})["X-Request-ID"] == "trace-1234.5_6"
    assert client.get("/api/v1/incidents/", headers={"X-Request-ID": "trace-1234"})["X-Request-ID"] == "trace-1234"


@pytest.mark.django_db
@pytest.mark.parametrize("elsewhere", [
    "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example",
    "\thttps://evil.example", "http:///evil.example", "/%0d%0aSet-Cookie:a=b",
])
def test_no_form_leads_to_another_site(client, elsewhere):
    user = make_user("annotator", username="ada")
    for path, data in (
        ("/i18n/setlang/", {"language": "zh-hans", "next": elsewhere}),
        ("/accounts/login/", {"login": user.username, "password": "correct horse", "next": elsewhere}),
        ("/accounts/logout/", {"next": elsewhere}),
    ):
        answer = client.post(path, data)
        assert answer.status_code in {200, 302}
        location = answer.get("Location", "/")
        assert location.startswith("/"), (path, location)
        assert not location.startswith(("//", "/\\")), (path, location)
        assert "evil" not in location
        assert "\n" not in location
    assert "evil" not in client.get("/incidents/", {"next": elsewhere}).get("Location", "")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["xx", "", "../../etc", "zh-hans\r\nX: 1", "e" * 5000])
def test_a_language_that_is_none_changes_nothing(client, language):
    answer = client.post("/i18n/setlang/", {"language": language, "next": "/about/"})
    assert (answer.status_code, answer["Location"]) == (302, "/about/")
    assert "django_language" not in answer.cookies


@pytest.mark.django_db
def test_a_form_with_a_nul_character_is_refused(client):
    client.force_login(make_user("curator"))
    for path in ("/rounds/open/", "/bench/runs/", "/bench/releases/", "/accounts/login/"):
        assert client.post(path, {"name": "a\0b", "login": "a\0b", "note": "x"}).status_code == 400, path
