"""Role × action × state: the table of permissions written out a second time, and every page and answer checked."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.urls import get_resolver

from gvsir.exceptions import PermissionRefusedError
from gvsir.permissions import ACTIONS, ROLES, allowed, require
from tests.api_addresses import walk
from tests.factories.annotation import close
from tests.factories.api_world import make_open_round, make_world
from tests.factories.gvsir import make_incident, make_user

#: action -> who may: anyone (*), annotator, curator, researcher. Written by hand, not derived.
EXPECTED = {
    "incident.view": "*ACR",
    "incident.view_unpublished": "C",
    "incident.view_folded": "ACR",
    "incident.import": "C",
    "taxonomy.view": "*ACR",
    "classification.view": "*ACR",
    "classification.view_unpublished": "CR",
    "value_system.view": "*ACR",
    "codebook.view": "*ACR",
    "codebook.edit": "C",
    "code.create": "AC",
    "assignment.code": "AC",
    "round.view": "*ACR",
    "round.manage": "C",
    "round.view_open_codings": "",
    "coding.view_closed": "*ACR",
    "document.view": "*ACR",
    "item.view": "*ACR",
    "item.view_text": "ACR",
    "item.derive": "C",
    "item.review": "C",
    "release.view": "*ACR",
    "release.create": "C",
    "language_model.view": "*ACR",
    "language_model.edit": "C",
    "run.view": "*ACR",
    "run.execute": "CR",
    "response.view": "*ACR",
    "response.view_text": "ACR",
    "score.view": "*ACR",
    "label.write": "ACR",
    "label.view": "CR",
    "label.manage": "CR",
    "leaderboard.view": "*ACR",
    "statistics.view": "*ACR",
    "provenance.view": "*ACR",
    "log.view": "CR",
}
LETTERS = {"annotator": "A", "curator": "C", "researcher": "R"}
READERS = ["anonymous", "nobody", *LETTERS]

#: Pages that need no action of the table, each with its reason.
OPEN_PAGES = {
    "healthz": "monitors ask without an account",
    "overview": "the front page",
    "about": "sources and licences",
    "incident_by_public_id": "only leads to the guarded page",
}
#: Pages that answer programs and check the action themselves: name -> (address, action).
SELF_GUARDED = {"assignment_change": ("/code/1/mark/", "assignment.code")}
OWN_APPS = ("gvsir.", "annotation.", "bench.")


def reader_of(name):
    if name == "anonymous":
        return AnonymousUser()
    return make_user(*([] if name == "nobody" else [name]))


def sign_in(client, reader):
    if reader != "anonymous":
        client.force_login(make_user(*([] if reader == "nobody" else [reader])))
    return client


def test_the_written_table_names_the_same_actions_and_roles():
    assert sorted(EXPECTED) == sorted(ACTIONS)
    assert set(LETTERS) == set(ROLES)


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_each_role_may_do_what_the_written_table_says_and_nothing_else(reader):
    user = reader_of(reader)
    letter = LETTERS.get(reader, "*")
    assert {action for action in ACTIONS if allowed(user, action)} == {
        action for action, who in EXPECTED.items() if letter in who
    }
    for action, who in EXPECTED.items():
        if letter not in who:
            with pytest.raises(PermissionRefusedError):
                require(user, action)


@pytest.mark.django_db
def test_two_roles_add_up_and_an_unknown_action_or_group_gives_nothing():
    both = make_user("annotator", "researcher")
    assert allowed(both, "assignment.code")
    assert allowed(both, "run.execute")
    assert not allowed(both, "round.manage")
    assert not allowed(both, "no.such_action")
    stranger = make_user()
    stranger.groups.add(Group.objects.create(name="anyone"), Group.objects.create(name="admin"))
    assert not allowed(stranger, "item.view_text")
    assert not allowed(None, "item.view_text")


@pytest.mark.django_db
def test_a_closed_account_is_a_stranger_even_with_a_role():
    user = make_user("curator")
    user.is_active = False
    assert not allowed(user, "incident.view_unpublished")
    assert allowed(user, "incident.view")


@pytest.mark.django_db
def test_a_superuser_may_do_all_but_what_nobody_may():
    root = User.objects.create_superuser("root", password="x")
    assert {action for action in ACTIONS if not allowed(root, action)} == {"round.view_open_codings"}


# --- pages ------------------------------------------------------------------------------------------


def own_pages():
    """Every page of the three apps: name -> view function."""
    found = {}
    for route, pattern in walk(get_resolver().url_patterns):
        module = getattr(pattern.callback, "__module__", "") or ""
        if module.startswith(OWN_APPS) and not route.startswith("api/"):
            found[pattern.name or route] = pattern.callback
    return found


def test_every_page_is_guarded_or_in_the_list_of_open_pages():
    unguarded = [name for name, view in own_pages().items() if not hasattr(view, "gvsir_action")]
    assert sorted({*unguarded} - {"components"}) == sorted([*OPEN_PAGES, *SELF_GUARDED])  # components: debug mode only
    assert "incident_list" in own_pages()


def test_every_guarded_page_names_an_action_of_the_table():
    for name, view in own_pages().items():
        if hasattr(view, "gvsir_action"):
            assert view.gvsir_action in ACTIONS, name


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_guarded_pages_ask_strangers_to_sign_in_and_refuse_wrong_roles(client, reader):
    sign_in(client, reader)
    letter = LETTERS.get(reader, "*")
    refused = 0
    for route, pattern in walk(get_resolver().url_patterns):
        action = getattr(pattern.callback, "gvsir_action", None)
        if action is None or letter in EXPECTED[action] or "<" in route or "(" in route:
            continue
        answer = client.get(f"/{route}")
        refused += 1
        if reader == "anonymous":
            assert answer.status_code == 302, route
            assert answer["Location"].startswith("/accounts/login/"), route
        else:
            assert answer.status_code == 403, route
    assert refused or reader == "curator"


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", sorted(SELF_GUARDED))
def test_pages_that_check_themselves_refuse_wrong_roles(client, reader, name):
    address, action = SELF_GUARDED[name]
    sign_in(client, reader)
    status = client.post(address, "{}", content_type="application/json").status_code
    if LETTERS.get(reader, "*") in EXPECTED[action]:
        assert status in {400, 404}
    else:
        assert status == (401 if reader == "anonymous" else 403)


# --- states: what the API answers -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("status", "stranger", "curator"), [("published", 200, 200), ("draft", 404, 200), ("withdrawn", 410, 200)])
def test_incident_by_state_and_role(client, reader, status, stranger, curator):
    incident = make_incident(status=status, status_reason="It never happened.")
    sign_in(client, reader)
    answer = client.get(f"/api/v1/incidents/{incident.number}/")
    assert answer.status_code == (curator if reader == "curator" else stranger)
    listed = [row["number"] for row in client.get("/api/v1/incidents/").json()["results"]]
    assert (incident.number in listed) == (answer.status_code == 200)
    if answer.status_code == 410:
        assert answer.json()["error"] == {"code": "withdrawn", "message": "It never happened.", "fields": {}}


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_texts_by_role(client, reader):
    world = make_world()
    sign_in(client, reader)
    may = reader in LETTERS
    folded = client.get(f"/api/v1/incidents/{world.folded.number}/").json()
    item = client.get(f"/api/v1/items/{world.item.public_id}/").json()
    response = client.get(f"/api/v1/responses/{world.response.pk}/").json()
    for given, key in ((folded, "description"), (item, "prompt_en"), (item, "focus_zh"), (response, "text")):
        assert (given[key] is not None) == may, key
        assert (given["withheld"] == "") == may, key
    assert client.get(f"/api/v1/incidents/{world.incident.number}/").json()["description"]


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_unpublished_classifications_and_private_fields_by_role(client, reader):
    world = make_world()
    sign_in(client, reader)
    rows = client.get("/api/v1/classifications/", {"incident": world.incident.number}).json()["results"]
    sees_all = reader in {"curator", "researcher"}
    assert {row["is_published"] for row in rows} == ({True, False} if sees_all else {True})
    assert ("Annotator" in rows[0]["values"]) == sees_all
    namespace = rows[0]["taxonomy"]
    fields = client.get(f"/api/v1/taxonomies/{namespace}/").json()["versions"][0]["fields"]
    assert [field["key"] for field in fields] == ["Sector: kind", *(["Annotator"] if sees_all else [])]


@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_where_a_model_is_reached_is_for_curators(client, reader):
    world = make_world()
    sign_in(client, reader)
    model = client.get(f"/api/v1/language-models/{world.response.language_model_id}/").json()
    run = client.get(f"/api/v1/runs/{world.run.pk}/").json()
    is_curator = reader == "curator"
    assert (model["base_url"] is not None) == is_curator
    assert (model["key_variable"] is not None) == is_curator
    assert ("base_url" in run["spec"]["models"][0]) == is_curator
    assert ("key_variable" in run["judges"][0]["config"]["model"]) == is_curator
    assert run["spec"]["seed"] == 7


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize("reader", [*READERS, "maker", "other coder"])
def test_codings_by_state_of_the_round_and_role(client, state, reader):
    made = make_open_round()
    if state == "closed":
        close(made["round"])
    if reader in {"maker", "other coder"}:
        client.force_login(made["users"]["a" if reader == "maker" else "b"])
    else:
        sign_in(client, reader)
    coding, assignment = made["assignments"]["a_coding"], made["assignments"]["a"]
    seen = state == "closed" or reader == "maker"
    for path in (f"codings/{coding.pk}", f"assignments/{assignment.pk}", f"memos/{assignment.memos.get().pk}",
                 f"codes/{coding.code_id}"):
        assert client.get(f"/api/v1/{path}/").status_code == (200 if seen else 404), path
    assert client.get(f"/api/v1/rounds/{made['round'].pk}/").json()["status"] == state
