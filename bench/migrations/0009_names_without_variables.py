"""Take the variable that holds a key out of the names of models and judges, which everybody may read."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def strip_variables(apps: Any, schema_editor: Any) -> None:
    """Cut ``#VARIABLE`` off; where the shorter name is taken, number it."""
    language_models = apps.get_model("bench", "LanguageModel").objects
    for row in language_models.filter(kind="endpoint", name__contains="#"):
        plain = name = row.name.partition("#")[0]
        number = 2
        while language_models.filter(name=name).exists():
            name, number = f"{plain} ({number})", number + 1
        row.name = name
        row.save(update_fields=["name"])
    for judge in apps.get_model("bench", "Judge").objects.filter(kind="language_model", name__contains="#"):
        judge.name = judge.name.partition("#")[0]
        judge.save(update_fields=["name"])


class Migration(migrations.Migration):
    """Nothing is put back: the variable is kept in its own field."""

    dependencies = [("bench", "0008_shared_runs")]
    operations = [migrations.RunPython(strip_variables, migrations.RunPython.noop)]
