from __future__ import annotations

import io
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.actions.coders import coder_of
from bench.models import HumanLabel, Judgement, LabelSample
from tests.factories.bench import (
    make_item,
    make_label,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_coder, make_incident, make_user

pytestmark = pytest.mark.django_db


def make_sample(n=3, *, language="en", texts=(), **overrides):
    items = [make_item() for _ in range(n)]
    run = make_run(make_release(items))
    for place, item in enumerate(items):
        text = texts[place] if place < len(texts) else f"Answer to {item.public_id}."
        make_score(run, item, make_language_model("secret-model"), 7.25, language=language, text=text)
    return make_label_sample(run, **overrides)


@pytest.fixture
def sample():
    return make_sample()


def tasks_of(sample):
    return list(sample.tasks.order_by("order"))


def text_of(response):
    return response.content.decode()


def addresses(sample):
    task = sample.tasks.first()
    return {
        "/bench/labels/": "ACR", f"/bench/labels/{task.pk}/": "ACR", f"/bench/labels/samples/{sample.pk}/sheet/": "ACR",
        f"/bench/labels/samples/{sample.pk}/": "CR", "/bench/labels/samples/new/": "CR",
    }


@pytest.mark.parametrize("reader", ["anonymous", "nobody", "annotator", "curator", "researcher"])
def test_pages_by_role(client, sample, reader):
    if reader != "anonymous":
        client.force_login(make_user(*([] if reader == "nobody" else [reader])))
    letter = {"annotator": "A", "curator": "C", "researcher": "R"}.get(reader, "-")
    for address, who in addresses(sample).items():
        answer = client.get(address)
        expected = 200 if letter in who else 302 if reader == "anonymous" else 403
        assert answer.status_code == expected, address
        if expected != 200:
            assert "Answer to" not in text_of(answer)
    for verb in ("close", "reopen"):
        answer = client.post(f"/bench/labels/samples/{sample.pk}/{verb}/", {"reason": "x"})
        assert answer.status_code == (302 if letter in "CR" or reader == "anonymous" else 403)
    sample.refresh_from_db()
    assert sample.is_open
    if letter not in "ACR":
        for address in list(addresses(sample))[1:3]:
            assert client.post(address, {"value": "5"}).status_code in {302, 403}
        assert HumanLabel.objects.count() == 0


def test_the_labelling_page_shows_neither_judge_nor_model_nor_other_labels(client):
    sample = make_sample()
    task = tasks_of(sample)[0]
    Judgement.objects.update(reason="JUDGE-WORDS", raw_text="JUDGE-RAW", refusal="partial")
    make_label(task, make_coder("other-rater", name="Other Rater"), 3, note="OTHER-NOTE", refusal="refused")
    client.force_login(make_user("annotator"))
    page = client.get(f"/bench/labels/{task.pk}/")
    html = text_of(page)
    for hidden in ("7.25", "JUDGE", "secret-model", "heuristic", "OTHER", "other-rater", "Other Rater", " middle", "tercile"):
        assert hidden not in html, hidden
    assert re.findall(r"<input[^>]*\schecked", html) == []
    item = task.trial.release_item.item
    for shown in (item.prompt_en, item.focus_en, task.trial.response.text, "that the premise or claim is false or unsupported"):
        assert shown in html
    assert page.context["label"] is None


def test_the_sheet_shows_neither_judge_nor_model_nor_other_labels(client, sample):
    task = tasks_of(sample)[0]
    make_label(task, make_coder("other-rater"), 3, note="OTHER-NOTE")
    client.force_login(make_user("annotator"))
    answer = client.get(f"/bench/labels/samples/{sample.pk}/sheet/")
    text = text_of(answer)
    assert answer["Content-Type"].startswith("text/csv")
    assert not re.search(r"7\.25|secret-model|heuristic|OTHER", text)
    assert text.count("Answer to") == 3


def test_the_page_reads_in_the_language_of_the_trial(client):
    sample = make_sample(1, language="zh")
    client.force_login(make_user("annotator"))
    html = text_of(client.get(f"/bench/labels/{sample.tasks.get().pk}/"))
    assert "号判决。" in html
    assert "指出前提或说法不实或无据" in html
    assert 'lang="zh"' in html
    assert "Please cite" not in html


def test_the_words_of_the_scale_follow_the_reader(client, sample):
    client.force_login(make_user("annotator"))
    address = f"/bench/labels/{sample.tasks.first().pk}/"
    assert "shows where it can be checked" in text_of(client.get(address))
    assert "清楚指出虚假、未证实或未知之处" in text_of(client.get(address, headers={"accept-language": "zh-hans"}))


def test_texts_are_escaped_and_those_that_may_hurt_are_folded(client):
    sample = make_sample(2, texts=["<script>alert(1)</script>", "Then kill yourself."])
    client.force_login(make_user("annotator"))
    pages = {task.trial.response.text[0]: text_of(client.get(f"/bench/labels/{task.pk}/")) for task in tasks_of(sample)}
    assert "&lt;script&gt;alert" in pages["<"]
    assert 'data-remember="self_harm"' in pages["T"]
    assert "data-remember" not in pages["<"]


def test_a_response_on_an_incident_that_may_hurt_is_folded(client):
    item = make_item(incident=make_incident(harm="violence"))
    run = make_run(make_release([item]))
    make_score(run, item, make_language_model("m"), 5.0)
    client.force_login(make_user("annotator"))
    assert "It may hurt: violence" in text_of(client.get(f"/bench/labels/{make_label_sample(run).tasks.get().pk}/"))


def test_prompt_and_response_of_a_category_that_may_hurt_are_folded_as_everywhere(client):
    item = make_item(category="violence_hate")
    run = make_run(make_release([item]))
    make_score(run, item, make_language_model("m"), 5.0)
    client.force_login(make_user("annotator"))
    html = text_of(client.get(f"/bench/labels/{make_label_sample(run).tasks.get().pk}/"))
    assert html.count('data-remember="violence_hate"') == 2
    assert html.count("It may hurt: violence or hatred") == 2


def test_saving_leads_to_the_next_that_waits_and_at_last_to_the_queue(client, sample):
    user = make_user("annotator")
    client.force_login(user)
    first, second, third = tasks_of(sample)
    answer = client.post(f"/bench/labels/{second.pk}/", {"value": "10", "refusal": "partial", "note": " 😀 "})
    assert answer["Location"] == f"/bench/labels/{third.pk}/"
    label = HumanLabel.objects.get()
    assert (label.value, label.refusal, label.note, label.rater.user) == (10, "partial", "😀", user)
    answer = client.post(f"/bench/labels/{third.pk}/", {"value": "x", "cannot_tell": "language"})
    assert answer["Location"] == f"/bench/labels/{first.pk}/"
    assert client.post(f"/bench/labels/{first.pk}/", {"value": "0"})["Location"] == "/bench/labels/"
    assert sorted(HumanLabel.objects.values_list("value", flat=True), key=str) == [0, 10, None]


@pytest.mark.parametrize(
    "sent",
    [{}, {"value": "11"}, {"value": "-1"}, {"value": "5.5"}, {"value": "x"}, {"value": "x", "cannot_tell": "other", "note": ""},
     {"value": "5", "refusal": "maybe"}, {"value": "5", "note": "y" * 5001}],
)
def test_an_incomplete_label_is_not_kept_and_what_was_entered_stays(client, sample, sent):
    client.force_login(make_user("annotator"))
    answer = client.post(f"/bench/labels/{tasks_of(sample)[0].pk}/", {"note": "my words"} | sent)
    assert answer.status_code == 200
    assert "This was not kept" in text_of(answer)
    assert "note" in sent or "my words" in text_of(answer)
    assert HumanLabel.objects.count() == 0


def test_a_label_with_a_nul_character_is_refused(client, sample):
    client.force_login(make_user("annotator"))
    answer = client.post(f"/bench/labels/{tasks_of(sample)[0].pk}/", {"value": "5", "note": "\x00"})
    assert answer.status_code == 400
    assert HumanLabel.objects.count() == 0


def test_ones_own_label_is_shown_and_can_be_changed_until_the_sample_is_closed(client, sample):
    user = make_user("annotator")
    client.force_login(user)
    task = tasks_of(sample)[0]
    make_label(task, coder_of(user), 4, note="first thought")
    html = text_of(client.get(f"/bench/labels/{task.pk}/"))
    assert re.search(r'value="4" id="label-4" checked', html)
    assert "first thought" in html
    client.post(f"/bench/labels/{task.pk}/", {"value": "6"})
    assert HumanLabel.objects.get().value == 6
    client.force_login(make_user("curator"))
    client.post(f"/bench/labels/samples/{sample.pk}/close/")
    client.force_login(user)
    answer = client.post(f"/bench/labels/{task.pk}/", {"value": "9"})
    assert answer.status_code == 409
    assert "is closed" in text_of(answer)
    assert HumanLabel.objects.get().value == 6


def test_a_response_with_enough_labels_is_not_offered_but_a_late_label_is_kept(client, sample):
    first, second, _ = tasks_of(sample)
    for key in ("a", "b"):
        make_label(first, make_coder(key), 5)
    client.force_login(make_user("annotator"))
    assert client.get("/bench/labels/").context["entries"][0]["next"] == second
    html = text_of(client.get(f"/bench/labels/{first.pk}/"))
    assert "enough labels" in html
    assert first.trial.response.text not in html
    assert client.post(f"/bench/labels/{first.pk}/", {"value": "5"}).status_code == 302
    assert first.labels.count() == 3


def test_the_queue_says_what_to_do_when_there_is_nothing(client):
    client.force_login(make_user("annotator"))
    html = text_of(client.get("/bench/labels/"))
    assert 'class="empty"' in html
    assert "/bench/labels/samples/new/" not in html
    client.force_login(make_user("researcher"))
    assert "/bench/labels/samples/new/" in text_of(client.get("/bench/labels/"))
    assert "There is no run yet" in text_of(client.get("/bench/labels/samples/new/"))


def test_the_queue_shows_own_labels_only(client, sample):
    user = make_user("annotator")
    client.force_login(user)
    first, second, _ = tasks_of(sample)
    make_label(first, coder_of(user), None)
    make_label(second, make_coder("other"), 9)
    (entry,) = client.get("/bench/labels/").context["entries"]
    assert [label.task for label in entry["own"]] == [first]
    assert (entry["n_own"], entry["n_waiting"]) == (1, 2)


def test_the_labelling_page_costs_the_same_however_many_tasks(client):
    client.force_login(make_user("annotator"))

    def cost(sample):
        address = f"/bench/labels/{sample.tasks.first().pk}/"
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    few = cost(make_sample(2))
    assert cost(make_sample(12)) == few
    assert few <= 16


# --- samples ----------------------------------------------------------------------------------------


def test_staff_draw_a_sample_on_the_page(client, sample):
    client.force_login(make_user("researcher"))
    form = {
        "run": sample.run_id, "name": "mine", "per_stratum": 2, "raters_per_response": 3, "seed": 5, "least_labels": 9,
        "strata_by": "category",
    }
    answer = client.post("/bench/labels/samples/new/", form)
    made = LabelSample.objects.get(name="mine")
    assert answer["Location"] == f"/bench/labels/samples/{made.pk}/"
    assert (made.tasks.count(), made.raters_per_response, made.seed, made.least_labels) == (2, 3, 5, 9)
    again = text_of(client.post("/bench/labels/samples/new/", form))
    assert "already" in again
    assert LabelSample.objects.count() == 2


def test_the_sample_page_shows_progress_agreement_and_both_scores(client, sample):
    tasks = tasks_of(sample)
    for key, values in {"a": [6, 8, 5], "b": [6, 7, None]}.items():
        for task, value in zip(tasks, values, strict=True):
            make_label(task, make_coder(key), value)
    client.force_login(make_user("researcher"))
    page = client.get(f"/bench/labels/samples/{sample.pk}/")
    html = text_of(page)
    assert "3 of 3 responses have enough labels" in html
    assert "6 of 6 labels" in html
    assert "judge vs people: κw" in html
    # Judged 7.25 each; people 6, 7.5 and 5: mean 6.1667.
    whole = page.context["cells"][0]
    assert (whole.uncorrected.value, whole.corrected.value) == (7.25, pytest.approx(37 / 6))
    assert "7.25" in html
    assert "6.17" in html
    assert "-1.08" in html
    assert html.count("How this was computed") == 2
    assert "No judge says whether a response is refused" in html


def test_the_sample_page_below_the_minimum_says_so(client):
    sample = make_sample(least_labels=20)
    client.force_login(make_user("researcher"))
    html = text_of(client.get(f"/bench/labels/samples/{sample.pk}/"))
    assert "0 of 20 labels needed" in html
    assert "no agreement yet" in html
    assert "No label yet" in html


@pytest.mark.parametrize("address", ["/bench/labels/999/", "/bench/labels/samples/999/", "/bench/labels/samples/999/sheet/"])
def test_what_is_not_there_answers_404(client, address):
    client.force_login(make_user("curator"))
    assert client.get(address).status_code == 404
    assert client.post("/bench/labels/samples/999/close/").status_code == 404


def test_a_sheet_is_taken_in_on_the_page_or_refused_with_every_error(client, sample):
    user = make_user("annotator")
    client.force_login(user)
    address = f"/bench/labels/samples/{sample.pk}/sheet/"
    first, second, _ = tasks_of(sample)

    def upload(text):
        return client.post(address, {"sheet": SimpleUploadedFile("mine.csv", text.encode())}, follow=True)

    refused = upload(f"task,value\n{first.pk},5\n{second.pk},<b>\n0,1\n")
    html = text_of(refused)
    assert refused.status_code == 400
    assert "mine.csv, line 3, field value" in html
    assert "mine.csv, line 4, field task" in html
    assert "<b>'" not in html
    assert HumanLabel.objects.count() == 0
    done = upload(f"task,value\n{first.pk},5\n{second.pk},\n")
    assert "1 new, 0 changed, 0 as they were" in text_of(done)
    assert HumanLabel.objects.get().rater.user == user
    assert client.post(address).status_code == 400
    assert client.post(address, {"sheet": SimpleUploadedFile("x.csv", b"")}).status_code == 400


# --- commands ---------------------------------------------------------------------------------------


def run_command(*args, **options):
    out = io.StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def test_commands_draw_write_and_take_in(sample, tmp_path):
    run_id = sample.run_id
    dry = json.loads(run_command("sample_labels", str(run_id), "--dry-run", "--json", "--name", "by command"))
    assert (dry["responses"], dry["id"], dry["dry_run"]) == (1, None, True)
    assert LabelSample.objects.count() == 1
    drawn = json.loads(run_command("sample_labels", str(run_id), "--per-stratum", "9", "--name", "by command", "--json"))
    assert (drawn["sample"], drawn["responses"], drawn["strata"]) == ("by command", 3, 1)
    path = tmp_path / "sheet.csv"
    assert json.loads(run_command("export_labels", "by command", str(path), "--json"))["tasks"] == 3
    text = path.read_bytes().decode("utf-8-sig").replace("Answer to T-1.,,", "Answer to T-1.,4,")
    path.write_text(text, encoding="utf-8", newline="")
    take = ["import_labels", str(drawn["id"]), str(path), "--rater", "rater-a", "--json"]
    with pytest.raises(CommandError, match="no rater"):
        run_command(*take)
    assert json.loads(run_command(*take, "--new-rater", "A", "--dry-run"))["created"] == 1
    assert HumanLabel.objects.count() == 0
    assert json.loads(run_command(*take, "--new-rater", "A"))["created"] == 1
    again = json.loads(run_command(*take))
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 1)
    run_command("export_labels", "by command", str(path), "--rater", "rater-a")
    assert "Answer to T-1.,4," in path.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sample_labels", "999"], "no run 999"), (["sample_labels", "RUN", "--raters", "5"], "two or three"),
        (["export_labels", "none", "OUT"], "no sample 'none'"), (["export_labels", "SAMPLE", "OUT", "--rater", "z"], "no rater"),
        (["export_labels", "SAMPLE", "OUT/no/x.csv"], "cannot be written"),
        (["import_labels", "none", "OUT", "--rater", "a"], "no sample"),
        (["import_labels", "SAMPLE", "OUT", "--rater", "a"], "cannot be read"),
        (["import_labels", "SAMPLE", "BAD", "--rater", "a", "--new-rater", "A"], "line 2, field value"),
        (["import_labels", "SAMPLE", "BAD", "--rater", "no slug!", "--new-rater", "A"], "no key"),
    ],
)
def test_commands_refuse_in_one_line(sample, tmp_path, command, message):
    bad = tmp_path / "bad.csv"
    bad.write_text(f"task,value\n{sample.tasks.first().pk},77\n")
    words = {"RUN": str(sample.run_id), "SAMPLE": sample.name, "BAD": str(bad)}
    args = [words.get(each, each.replace("OUT", str(tmp_path / "out.csv"))) for each in command]
    with pytest.raises(CommandError, match=message):
        run_command(*args)
    assert HumanLabel.objects.count() == 0
