"""People label answers that are images, speech or videos: they see the file, and nothing that names who made it."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.actions.coders import coder_of
from bench.actions.record_label import GivenLabel, record_label
from bench.actions.sample_labels import SampleRefusedError
from bench.formats.label_csv import read_labels, write_labels
from bench.judge_agreement import agreement_of
from bench.label_sheet import misplaced, sheet_rows
from bench.media_store import media_store
from bench.models import HumanLabel, Response
from tests.factories.bench import (
    make_item,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_user
from tests.fake_media import mp4, png, wav

pytestmark = pytest.mark.django_db
MADE = {
    "image/png": (png, "I", "<img "), "audio/wav": (wav, "A", "<audio controls"), "video/mp4": (mp4, "V", "<video controls"),
}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def make_file_sample(*media_types, category="culture", value=3.0, **overrides):
    """A sample of a run whose answers are files of these types."""
    items = [make_item(modality=MADE[kind][1], category=category) for kind in media_types]
    run = make_run(make_release(items))
    model = make_language_model("secret-painter")
    for item, kind in zip(items, media_types, strict=True):
        response = make_score(run, item, model, value).trial.response
        kept = media_store().keep(MADE[kind][0](item.public_id), kind)
        Response.objects.filter(pk=response.pk).update(
            text="", output_sha256=kept.sha256, output_media_type=kind, output_size=kept.size
        )
    return make_label_sample(run, **overrides)


def file_address(task):
    return f"/bench/labels/{task.pk}/files/{task.trial.response.output_sha256}/"


@pytest.mark.parametrize("kind", sorted(MADE))
def test_who_labels_sees_or_hears_the_file_itself_with_item_and_focus(client, kind):
    task = make_file_sample(kind).tasks.get()
    client.force_login(make_user("annotator"))
    page = client.get(task.get_absolute_url()).content.decode()
    content = task.trial.release_item.content
    assert content["prompt"]["en"] in page
    assert content["focus"]["en"] in page
    make, _letter, tag = MADE[kind]
    assert re.search(f'{tag}[^>]*src="{file_address(task)}"', page)
    served = client.get(file_address(task))
    assert served.getvalue() == make(content["id"])
    assert served["Content-Type"] == kind
    assert served["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_page_names_neither_the_model_nor_the_response_nor_the_judge(client):
    task = make_file_sample("image/png", value=7.25).tasks.get()
    client.force_login(make_user("annotator"))
    page = client.get(task.get_absolute_url()).content.decode()
    assert "secret-painter" not in page
    assert "/bench/responses/" not in page
    assert "7.25" not in page
    assert "judge" not in page.split("<main")[1].lower()
    served = client.get(file_address(task))
    assert served.getvalue()
    assert "secret" not in served["Content-Disposition"]


def test_a_file_of_a_harmful_category_is_folded(client):
    task = make_file_sample("image/png", category="violence_hate").tasks.get()
    client.force_login(make_user("annotator"))
    page = client.get(task.get_absolute_url()).content.decode()
    place = page.index(file_address(task))
    assert page.rindex('<details class="fold', 0, place) > page.rfind("</details>", 0, place)


@pytest.mark.parametrize(("reader", "status"), [("anonymous", 302), ("nobody", 403), ("annotator", 200), ("researcher", 200)])
def test_the_file_is_served_to_who_may_label_only_and_by_its_own_task(client, reader, status):
    sample = make_file_sample("image/png", "image/png")
    first, second = sample.tasks.order_by("order")
    if reader != "anonymous":
        client.force_login(make_user(*([] if reader == "nobody" else [reader])))
    served = client.get(file_address(first))
    assert served.status_code == status
    if status == 200:
        assert served.getvalue() == png(first.trial.release_item.content["id"])
        for address in (
            file_address(first).replace(first.trial.response.output_sha256, second.trial.response.output_sha256),
            file_address(first).replace(first.trial.response.output_sha256, "0" * 64),
            file_address(first).replace(f"/{first.pk}/", f"/{second.pk + 99}/"),
            f"/bench/labels/{first.pk}/files/..%2f..%2fgvsir.sqlite3/",
        ):
            assert client.get(address).status_code == 404, address


def test_labels_of_files_count_in_the_agreement_with_the_judge():
    sample = make_file_sample("image/png", "audio/wav", "video/mp4", least_labels=2)
    for task, value in zip(sample.tasks.order_by("order"), (2, 3, 5), strict=True):
        for name in ("one", "two"):
            user = make_user("annotator", username=f"{name}-{task.pk}")
            record_label(task_id=task.pk, given=GivenLabel(value=value), actor=user)
    assert HumanLabel.objects.count() == 6
    found = agreement_of(sample.run.judges.get())
    assert found["n_labelled"] == 3
    assert found["judge_human"]["mae"] == pytest.approx((1 + 0 + 2) / 3)


def test_an_answer_with_neither_text_nor_file_is_not_drawn():
    sample = make_file_sample("image/png")
    Response.objects.update(output_sha256="", output_media_type="", output_size=None)
    with pytest.raises(SampleRefusedError, match="no response to label"):
        make_label_sample(sample.run)


def test_a_sheet_says_where_the_file_is_and_names_nobody():
    sample = make_file_sample("audio/wav")
    out = io.StringIO()
    write_labels(sheet_rows(sample, rater=coder_of(make_user("annotator"))), out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue().lstrip("\ufeff")))
    assert "It is the attached recording" in row["response"]
    assert file_address(sample.tasks.get()) in row["response"]
    assert "secret-painter" not in out.getvalue()
    sheet = out.getvalue().replace("/label", "https://gvsir.example/label").encode()
    (read,) = read_labels(
        io.BytesIO(sheet.replace(b",,,,\r\n", b",7,,,\r\n")), source="s.csv", tasks=[sample.tasks.get().pk], on_error=pytest.fail
    )
    assert list(misplaced([read])) == []
    (found,) = misplaced([replace(read, shown={"response": "another/file"})])
    assert found[1] == "response"


def test_queries_do_not_grow_with_the_files(client):
    client.force_login(make_user("annotator"))
    counts = []
    for n in (1, 6):
        task = make_file_sample(*["image/png"] * n).tasks.order_by("order").first()
        client.get(task.get_absolute_url())
        with CaptureQueriesContext(connection) as queries:
            client.get(task.get_absolute_url())
        counts.append(len(queries))
    assert counts[1] <= counts[0]
