"""Names of models are public: nothing of a key is in them."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps

from bench.actions.register_language_model import register_judge, register_language_model
from bench.exceptions import BadEndpointError
from bench.models import Judge, LanguageModel
from gvsir.exceptions import PermissionRefusedError
from tests.factories.gvsir import make_user

pytestmark = pytest.mark.django_db


def test_the_variable_of_a_key_is_no_part_of_the_name():
    model = register_language_model("m@http://127.0.0.1:9/v1/#SOME_API_KEY")
    assert (model.name, model.key_variable) == ("m@http://127.0.0.1:9/v1", "SOME_API_KEY")
    assert register_language_model("m@http://127.0.0.1:9/v1") == model
    assert "SOME" not in register_judge("anchored:m@http://127.0.0.1:9/v1#SOME_API_KEY").name


def test_another_variable_for_a_known_model_changes_where_its_key_is_looked_for():
    model = register_language_model("m@http://127.0.0.1:9/v1#FIRST_API_KEY")
    with pytest.raises(PermissionRefusedError):
        register_language_model("m@http://127.0.0.1:9/v1#OTHER_API_KEY", actor=make_user("researcher"))
    assert register_language_model("m@http://127.0.0.1:9/v1#OTHER_API_KEY", actor=make_user("curator")) == model
    model.refresh_from_db()
    assert (model.name, model.key_variable) == ("m@http://127.0.0.1:9/v1", "OTHER_API_KEY")


@pytest.mark.parametrize("url", ["http://user:secret@h/v1", "https://token@h/v1"])
def test_a_password_in_an_address_is_refused_without_repeating_it(url):
    with pytest.raises(BadEndpointError, match="must not hold a password") as refusal:
        register_language_model(f"m@{url}")
    assert "secret" not in str(refusal.value)
    assert not LanguageModel.objects.exists()


def test_the_migration_strips_old_names():
    for name in ("m@http://a/v1", "m@http://a/v1#KEY_ONE", "n@http://a/v1#KEY_TWO"):
        LanguageModel.objects.create(name=name, kind="endpoint", base_url="http://a/v1", model_identifier=name[0])
    Judge.objects.create(name="n@http://a/v1#KEY_TWO", kind="language_model", config={}, sha256="1" * 64)
    importlib.import_module("bench.migrations.0009_names_without_variables").strip_variables(apps, None)
    assert list(LanguageModel.objects.values_list("name", flat=True)) == [
        "m@http://a/v1", "m@http://a/v1 (2)", "n@http://a/v1",
    ]
    assert Judge.objects.get().name == "n@http://a/v1"
