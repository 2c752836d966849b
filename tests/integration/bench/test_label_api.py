"""Samples and labels over the API: raters see neither each other's labels while a sample is open, nor a judge's."""

from __future__ import annotations

import pytest

from annotation.actions.coders import coder_of
from bench.actions.close_label_sample import close_label_sample
from bench.actions.record_label import GivenLabel, record_label
from bench.labelling import rubric_of_people
from bench.models import HumanLabel, LabelSample
from gvsir.exceptions import InvalidTransitionError
from tests.factories.bench import (
    make_item,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample():
    item = make_item()
    run = make_run(make_release([item]))
    make_score(run, item, make_language_model("alpha"), 5.0)
    return make_label_sample(run)


def label_by(person, sample, value):
    return record_label(task_id=sample.tasks.get().pk, given=GivenLabel(value=value), actor=person)


def test_a_sample_records_the_words_people_label_by(sample, client):
    assert {name: getattr(sample, name) for name in rubric_of_people()} == rubric_of_people()
    client.force_login(make_user("researcher"))
    (shown,) = client.get("/api/v1/label-samples/").json()["results"]
    assert (shown["rubric"], shown["rubric_version"]) == ("gvs-anchored", 1)
    assert shown["rubric_sha256"] == rubric_of_people()["rubric_sha256"]
    assert (shown["responses"], shown["labels"]) == (1, 0)
    assert rubric_of_people()["rubric_sha256"][:12] in client.get(sample.get_absolute_url()).content.decode()


def test_nobody_labels_by_other_words_than_the_sample_was_drawn_for(sample):
    LabelSample.objects.filter(pk=sample.pk).update(rubric_sha256="0" * 64)
    with pytest.raises(InvalidTransitionError, match="another version of the rubric"):
        label_by(make_user("annotator"), sample, 3)
    assert not HumanLabel.objects.exists()
    LabelSample.objects.filter(pk=sample.pk).update(rubric_sha256="", rubric="", rubric_version=None)
    assert label_by(make_user("annotator"), sample, 3).value == 3


@pytest.mark.parametrize("path", ["label-samples", "labels"])
@pytest.mark.parametrize(("role", "status"), [
    (None, 403), ("nobody", 403), ("annotator", 403), ("researcher", 200), ("curator", 200),
])
def test_only_curators_and_researchers_read_samples_and_labels(client, sample, path, role, status):
    label = label_by(make_user("annotator"), sample, 3)
    if role:
        client.force_login(make_user(*([] if role == "nobody" else [role])))
    close_label_sample(sample_id=sample.pk, actor=make_user("curator"))
    pk = sample.pk if path == "label-samples" else label.pk
    assert client.get(f"/api/v1/{path}/").status_code in ({status, 401} if not role else {status})
    assert client.get(f"/api/v1/{path}/{pk}/").status_code in ({status, 401} if not role else {status})


def test_labels_of_others_are_unseen_until_the_sample_is_closed(client, sample):
    own, other = make_user("researcher"), make_user("researcher")
    mine, theirs = label_by(own, sample, 3), label_by(other, sample, 9)
    client.force_login(own)
    assert [each["id"] for each in client.get("/api/v1/labels/").json()["results"]] == [mine.pk]
    assert client.get(f"/api/v1/labels/{theirs.pk}/").status_code == 404
    assert client.get("/api/v1/labels/", {"rater": coder_of(other).key}).json()["results"] == []
    close_label_sample(sample_id=sample.pk, actor=make_user("curator"))
    shown = client.get("/api/v1/labels/", {"sample": sample.pk}).json()["results"]
    assert [each["value"] for each in shown] == [3, 9]
    assert not {"judge", "judgement", "score", "judgements"} & set(shown[0])


def test_samples_are_found_by_whether_they_are_closed(client, sample):
    client.force_login(make_user("curator"))

    def found(closed):
        return len(client.get("/api/v1/label-samples/", {"closed": closed}).json()["results"])

    assert (found("false"), found("true")) == (1, 0)
    close_label_sample(sample_id=sample.pk, actor=make_user("curator"))
    assert (found("false"), found("true")) == (0, 1)
