"""What every address of the API must do, whoever adds it: errors in one shape, no writing, a place in the schema."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from gvsir.permissions import ACTIONS, ANYONE, ROLES
from tests.api_addresses import api_addresses
from tests.factories.gvsir import make_user

ADDRESSES = api_addresses()
DETAILS = [address for address in ADDRESSES if not address.is_list]
LISTS = [address for address in ADDRESSES if address.is_list]
#: Computed answers, not lists of records: no cursor.
COMPUTED = {"api-leaderboard-list", "api-statistics-categories", "api-statistics-agreement"}
BAD_IDS = ["zz-none", "99999999999999999999999999", "-1", "%00", "T-999999999", "a.b", "名"]
READERS = ["anonymous", "nobody", *ROLES]
EXPECTED = {
    "incidents", "reports", "entities", "taxonomies", "classifications", "value-systems", "documents", "codebooks",
    "codes", "rounds", "assignments", "codings", "memos", "items", "releases", "language-models", "runs",
    "responses", "scores", "label-samples", "labels",
}


def identifier(address):
    return address.path


def sign_in(client, reader):
    if reader != "anonymous":
        client.force_login(make_user(*([] if reader == "nobody" else [reader])))


def sign_in_for(client, address):
    """Sign in somebody who may read ``address``, where not everybody may."""
    roles = ACTIONS[address.view.action_required]
    if ANYONE not in roles:
        sign_in(client, sorted(roles)[0])


def assert_error_shape(response, status):
    assert response.status_code == status, response.content[:300]
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "fields"}
    assert body["error"]["code"]
    assert body["error"]["message"]
    assert isinstance(body["error"]["fields"], dict)
    assert len(response["X-Request-ID"]) >= 8


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_every_promised_resource_has_list_and_detail():
    found = {address.path.split("/")[3] for address in LISTS}
    assert found >= EXPECTED
    assert {address.path.split("/")[3] for address in DETAILS} >= EXPECTED


@pytest.mark.parametrize("address", ADDRESSES, ids=identifier)
def test_address_asks_for_an_action_of_the_table(address):
    assert address.view.action_required in ACTIONS


@pytest.mark.django_db
@pytest.mark.parametrize("address", DETAILS, ids=identifier)
@pytest.mark.parametrize("bad", BAD_IDS)
def test_bad_id_answers_404_in_the_error_shape(client, address, bad):
    sign_in_for(client, address)
    assert_error_shape(client.get(address.with_id(bad)), 404)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES, ids=identifier)
def test_unknown_parameter_is_refused_by_name(client, address):
    sign_in_for(client, address)
    response = client.get(address.with_id("1"), {"no_such_parameter": "x"})
    assert_error_shape(response, 400)
    assert list(response.json()["error"]["fields"]) == ["no_such_parameter"]


@pytest.mark.django_db
@pytest.mark.parametrize("address", LISTS, ids=identifier)
def test_null_character_is_refused(client, address):
    sign_in_for(client, address)
    assert_error_shape(client.get(address.path, {"q": "a\x00b"}), 400)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES, ids=identifier)
@pytest.mark.parametrize("reader", READERS)
def test_only_the_roles_of_the_table_can_read(client, address, reader):
    sign_in(client, reader)
    roles = ACTIONS[address.view.action_required]
    response = client.get(address.with_id("1"))
    if ANYONE in roles or reader in roles:
        assert response.status_code not in {401, 403}
    else:
        assert_error_shape(response, 401 if reader == "anonymous" else 403)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES, ids=identifier)
@pytest.mark.parametrize("reader", READERS)
def test_no_role_can_write(client, address, reader):
    sign_in(client, reader)
    for method in ("post", "put", "patch", "delete"):
        response = getattr(client, method)(address.with_id("1"), data="{}", content_type="application/json")
        assert response.status_code in {401, 403, 405}, (method, response.status_code)
        assert_error_shape(response, response.status_code)


@pytest.mark.django_db
@pytest.mark.parametrize("address", [a for a in LISTS if a.name not in COMPUTED], ids=identifier)
def test_empty_list_is_a_page_without_results(client, address):
    sign_in_for(client, address)
    response = client.get(address.path)
    assert response.status_code == 200
    assert response.json() == {"next": None, "previous": None, "results": []}


@pytest.mark.django_db
@pytest.mark.parametrize("address", [a for a in LISTS if a.name not in COMPUTED], ids=identifier)
@pytest.mark.parametrize(
    ("parameter", "value"),
    [("page_size", "0"), ("page_size", "501"), ("page_size", "x"), ("page_size", "9" * 40), ("page_size", "²"),
     ("cursor", "made-up"), ("cursor", "cD1hYmM="), ("cursor", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5")],
)
def test_bad_paging_is_refused_by_name(client, address, parameter, value):
    sign_in_for(client, address)
    response = client.get(address.path, {parameter: value})
    assert_error_shape(response, 400)
    assert list(response.json()["error"]["fields"]) == [parameter]


@pytest.mark.parametrize("address", ADDRESSES, ids=identifier)
def test_address_is_in_the_schema(schema, address):
    paths = {path.replace("{id}", "{pk}") for path in schema["paths"]}
    assert address.path.replace("{id}", "{pk}") in paths


def test_the_schema_offers_reading_only_and_describes_every_error(schema):
    assert len(schema["paths"]) == len({a.path for a in ADDRESSES})
    for path, operations in schema["paths"].items():
        assert set(operations) <= {"get", "parameters"}, path
        for status in ("400", "404", "429"):
            content = operations["get"]["responses"][status]["content"]["application/json"]["schema"]
            assert content == {"$ref": "#/components/schemas/ErrorResponse"}, (path, status)


def test_the_schema_is_valid_and_made_without_a_warning(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    assert "openapi: 3" in out.getvalue()


@pytest.mark.django_db
def test_schema_is_served_as_json_and_yaml(client):
    as_json = client.get("/api/v1/schema/")
    assert as_json["Content-Type"].startswith("application/json")
    assert "/api/v1/incidents/" in as_json.json()["paths"]
    assert client.get("/api/v1/schema/", {"format": "yaml"}).content.startswith(b"openapi: 3")


@pytest.mark.django_db
def test_the_documentation_page_allows_inline_styles_and_nothing_else_more(client):
    policy = {
        directive.split()[0]: directive.split()[1:]
        for directive in client.get("/api/v1/docs/")["Content-Security-Policy"].split(";")
    }
    assert policy["style-src"] == ["'self'", "'unsafe-inline'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["default-src"] == ["'self'"]
    assert "unsafe-inline" not in client.get("/api/v1/schema/")["Content-Security-Policy"]
    script = client.get("/api/v1/docs/", {"script": ""})
    assert script["Content-Type"].startswith("application/javascript")
    assert_error_shape(client.post("/api/v1/docs/"), 405)


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/nothing/", "/api/v1/a/b/c", "/api/v2/x/", "/api/"])
def test_unknown_path_answers_404_in_the_error_shape(client, db, path, method):
    response = getattr(client, method)(path)
    assert response.status_code == 404
    assert set(response.json()["error"]) == {"code", "message", "fields"}


def test_address_without_its_final_slash_is_led_to_it(client, db):
    response = client.get("/api/v1/incidents?year=2024")
    assert response.status_code == 301
    assert response["Location"] == "/api/v1/incidents/?year=2024"


def test_only_json_is_given(client, db):
    assert_error_shape(client.get("/api/v1/incidents/", headers={"accept": "text/html"}), 406)


def test_a_wrong_token_answers_401_and_says_how_to_sign_in(client, db):
    response = client.get("/api/v1/incidents/", headers={"authorization": "Token wrong"})
    assert_error_shape(response, 401)
    assert response["WWW-Authenticate"] == "Token"


def test_too_many_requests_answer_429_with_retry_after(client, db, monkeypatch):
    from django.core.cache import cache
    from rest_framework.throttling import AnonRateThrottle

    from gvsir.api.views import ReportResource

    class OneAMinute(AnonRateThrottle):
        rate = "1/min"
        scope = "test_429"

    monkeypatch.setattr(ReportResource, "throttle_classes", [OneAMinute])
    cache.clear()
    assert client.get("/api/v1/reports/").status_code == 200
    response = client.get("/api/v1/reports/")
    cache.clear()
    assert_error_shape(response, 429)
    assert 0 < int(response["Retry-After"]) <= 61


def test_an_unforeseen_failure_answers_500_in_the_error_shape_and_tells_nothing(client, db, monkeypatch, caplog):
    from gvsir.api.views import ReportResource

    def fail(self):
        raise RuntimeError("the secret cause")

    monkeypatch.setattr(ReportResource, "get_queryset", fail)
    response = client.get("/api/v1/reports/")
    assert_error_shape(response, 500)
    assert b"secret" not in response.content
    assert "the secret cause" in caplog.text
    assert response["X-Request-ID"] in caplog.text


def test_a_failure_outside_the_framework_keeps_the_shape(client, settings, db, monkeypatch):
    client.raise_request_exception = False

    def fail(*_args, **_kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr("gvsir.api.errors.UnknownPathView.dispatch", fail)
    assert_error_shape(client.get("/api/v1/nothing/"), 500)
