"""The chain from a coding to the sentence, the incident and its reports."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from gvsir.models import IncidentReport, Report
from gvsir.provenance import chain, resolve
from tests.factories.annotation import (
    close,
    make_account,
    make_assignment,
    make_coded_incident,
    make_coder,
    make_coding,
    make_document,
    make_round,
    make_source,
)

pytestmark = pytest.mark.django_db

ANYONE = AnonymousUser()


@pytest.fixture
def coding():
    incident = make_coded_incident(
        number=77, title="Bot lied", description="It began well. Then 🤖 told guests a lie, he said. It ended."
    )
    report = Report.objects.create(source=make_source(), source_record_id="5")
    IncidentReport.objects.create(incident=incident, report=report)
    assignment = make_assignment(coder=make_coder("m", kind="model"), document=make_document(incident), round=make_round())
    return make_coding(assignment, "told guests a lie", name="lying", category="misinfo")


def test_chain_leads_from_coding_to_report(coding):
    close(coding.assignment.round)
    steps = chain("coding", str(coding.pk), ANYONE)
    assert [step.kind for step in steps] == ["coding", "sentence", "incident", "report"]
    first, sentence, incident, _ = steps
    assert (first.title, first.text, first.badges) == ("lying", "told guests a lie", ("model-made",))
    assert dict(first.facts)["category"] == "Misinformation and Factual Hallucinations"
    assert dict(first.facts)["codebook"] == str(coding.code.codebook)
    assert sentence.text == "Then 🤖 told guests a lie, he said."
    assert (sentence.extra["before"], sentence.extra["quote"], sentence.extra["after"]) == (
        "Then 🤖 ", "told guests a lie", ", he said.",
    )
    document = coding.segment.document
    assert document.text[sentence.extra["start_codepoint"] : sentence.extra["end_codepoint"]] == "told guests a lie"
    assert sentence.extra["document_sha256"] == document.sha256
    assert incident.id == "77"


@pytest.mark.parametrize("role", [None, "curator", "researcher", "annotator"])
def test_nobody_walks_through_an_open_round(coding, role):
    viewer = make_account(role) if role else ANYONE
    assert resolve("coding", str(coding.pk), viewer) is None
    assert resolve("sentence", str(coding.segment_id), viewer) is None


def test_the_text_of_a_folded_incident_is_withheld_from_strangers(coding):
    close(coding.assignment.round)
    incident = coding.segment.document.incident
    incident.harm = "violence"
    incident.save()
    for kind, key in (("coding", coding.pk), ("sentence", coding.segment_id)):
        step = resolve(kind, str(key), ANYONE)
        assert (step.text, "Folded: violence" in step.withheld) == ("", True)
        assert "lie" not in str(step.extra.get("quote", ""))
        assert resolve(kind, str(key), make_account("annotator")).text


@pytest.mark.parametrize("key", ["", "x", "-1", "0", "99999999999999999999999", "٣"])
@pytest.mark.parametrize("kind", ["coding", "sentence"])
def test_no_such_record_is_none(kind, key):
    assert resolve(kind, key, ANYONE) is None
