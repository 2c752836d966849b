"""The full-text table of incidents: FTS5 on SQLite, a tsvector with GIN index on PostgreSQL."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import gvsir.models.search_row

CREATE = {
    "sqlite": [
        "CREATE VIRTUAL TABLE gvsir_incident_search USING fts5(title, entities, description, tokenize='unicode61')",
        "INSERT INTO gvsir_incident_search (gvsir_incident_search, rank) VALUES ('rank', 'bm25(4.0, 2.0, 1.0)')",
    ],
    "postgresql": [
        "CREATE TABLE gvsir_incident_search (rowid bigint PRIMARY KEY, gvsir_incident_search tsvector NOT NULL)",
        "CREATE INDEX gvsir_incident_search_tokens ON gvsir_incident_search USING gin (gvsir_incident_search)",
    ],
}


def create_table(apps, schema_editor):
    for statement in CREATE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop_table(apps, schema_editor):
    schema_editor.execute("DROP TABLE gvsir_incident_search")


class Migration(migrations.Migration):

    dependencies = [("gvsir", "0001_initial")]

    operations = [
        migrations.RunPython(create_table, drop_table),
        migrations.CreateModel(
            name="IncidentSearchRow",
            fields=[
                ("incident", models.OneToOneField(db_column="rowid", db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="search_row", serialize=False, to="gvsir.incident")),
                ("tokens", gvsir.models.search_row.SearchTokensField(db_column="gvsir_incident_search")),
            ],
            options={"db_table": "gvsir_incident_search", "managed": False},
        ),
    ]
