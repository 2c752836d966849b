"""Images of items and files of responses on pages and in the API: who sees them, how they are served."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.actions.attach_image import MOST_ATTACHMENTS, attach_image, detach_image
from bench.actions.make_release import release_document
from bench.exceptions import BadMediaError
from bench.files.kinds import MOST_ATTACHMENT
from bench.media_store import media_store
from bench.models import Attachment, Item, Response
from bench.release_content import digest
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.models import LogEntry
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
READERS = ["anonymous", "nobody", "annotator", "researcher", "curator"]


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def sign_in(client, reader):
    if reader != "anonymous":
        client.force_login(make_user(*([] if reader == "nobody" else [reader])))
    return client


def proposed(**overrides):
    return make_item(status=Item.Status.PROPOSED, **overrides)


def shown(item=None, seed="red"):
    return attach_image(item_id=(item or proposed()).pk, data=png(seed), alt="A red square.", actor=None)


def make_response(data=None, media_type="image/png", **overrides):
    run = make_run(make_release([make_item(**overrides)]))
    item = run.release.release_items.get().item
    response = make_score(run, item, make_language_model(), 3.0).trial.response
    kept = media_store().keep(data or png("made"), media_type)
    Response.objects.filter(pk=response.pk).update(
        text="", output_sha256=kept.sha256, output_media_type=media_type, output_size=kept.size
    )
    return Response.objects.get(pk=response.pk)


def upload(data, name="picture.png", kind="image/png"):
    return SimpleUploadedFile(name, data, content_type=kind)


def test_a_curator_adds_an_image_to_a_proposed_item_and_takes_it_off(client):
    item = proposed()
    sign_in(client, "curator")
    page = client.post(item.get_absolute_url(), {"image": upload(png("red")), "alt": " A red  square. "}, follow=True)
    assert "The image was added" in page.content.decode()
    attachment = Attachment.objects.get()
    assert (attachment.media_type, attachment.width, attachment.height, attachment.alt) == ("image/png", 4, 3, "A red square.")
    assert 'alt="A red square."' in page.content.decode()
    assert client.get(attachment.get_absolute_url()).getvalue() == png("red")
    client.post(item.get_absolute_url(), {"detach": attachment.sha256})
    assert not Attachment.objects.exists()
    assert client.get(attachment.get_absolute_url()).status_code == 404
    assert list(LogEntry.objects.order_by("pk").values_list("action", flat=True)) == ["item.attach", "item.detach"]


@pytest.mark.parametrize(
    ("data", "alt", "told"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "x", "no PNG, JPEG, WebP or GIF"), (b"", "x", "Choose an image file"),
        (png("x"), " ", "Say in words"), (png("x") + b"<script>", "x", "Something follows"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * MOST_ATTACHMENT, "x", "at most 10 MB"),
    ],
    ids=["svg", "empty", "no words", "followed", "huge"],
)
def test_a_file_that_is_not_taken_is_refused_in_a_sentence(client, data, alt, told, tmp_path):
    item = proposed()
    sign_in(client, "curator")
    sent = {"image": upload(data)} if data else {}
    page = client.post(item.get_absolute_url(), {**sent, "alt": alt}, follow=True)
    assert page.status_code == 200
    assert told in page.content.decode()
    assert not Attachment.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("reader", ["anonymous", "nobody", "annotator", "researcher"])
def test_nobody_but_a_curator_changes_the_images(client, reader):
    attachment = shown()
    sign_in(client, reader)
    for data in ({"image": upload(png("blue")), "alt": "x"}, {"detach": attachment.sha256}):
        answer = client.post(attachment.item.get_absolute_url(), data)
        assert answer.status_code == (302 if reader == "anonymous" else 403)
    assert [each.sha256 for each in Attachment.objects.all()] == [attachment.sha256]
    with pytest.raises(PermissionRefusedError):
        attach_image(item_id=attachment.item_id, data=png("blue"), alt="x", actor=make_user("researcher"))


def test_only_proposed_items_change_their_images_and_show_so_many():
    accepted = make_item()
    with pytest.raises(InvalidTransitionError, match="proposed items"):
        attach_image(item_id=accepted.pk, data=png("x"), alt="x", actor=None)
    attachment = shown()
    Item.objects.filter(pk=attachment.item_id).update(status=Item.Status.ACCEPTED)
    with pytest.raises(InvalidTransitionError):
        detach_image(item_id=attachment.item_id, sha256=attachment.sha256, actor=None)
    item = proposed()
    for number in range(MOST_ATTACHMENTS):
        shown(item, f"{number}")
    with pytest.raises(InvalidTransitionError, match="at most 8"):
        shown(item, "one more")
    shown(item, "0")
    assert item.attachments.count() == MOST_ATTACHMENTS
    with pytest.raises(BadMediaError):
        attach_image(item_id=item.pk, data=png("0"), alt="x" * 1001, actor=None)


def test_images_are_part_of_the_release_and_its_hash():
    plain, item = make_item(prompt_en="same"), proposed()
    without = make_release([plain])
    assert "attachments" not in without.release_items.get().content
    attachment = shown(item)
    Item.objects.filter(pk=item.pk).update(status=Item.Status.ACCEPTED)
    release = make_release([item])
    frozen = release.release_items.get()
    assert frozen.content["attachments"] == [attachment.as_json()]
    assert frozen.sha256 == digest(frozen.content)
    assert release.sha256 == digest(release_document(release))
    changed = {**frozen.content, "attachments": [{**attachment.as_json(), "sha256": "0" * 64}]}
    assert digest(changed) != frozen.sha256


@pytest.mark.parametrize("reader", READERS)
def test_files_are_served_to_who_may_read_the_texts_only(client, reader):
    attachment, response = shown(), make_response()
    sign_in(client, reader)
    for address in (attachment.get_absolute_url(), f"/bench/responses/{response.pk}/files/{response.output_sha256}/"):
        answer = client.get(address)
        expected = {"anonymous": 302, "nobody": 403}.get(reader, 200)
        assert answer.status_code == expected
        if expected == 200:
            assert answer["Content-Type"] == "image/png"
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Content-Disposition"].startswith("inline; filename=")
            assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert answer["Cache-Control"] == "private, no-cache"
            assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.getvalue().startswith(b"\x89PNG")


def test_a_file_is_served_by_its_own_item_or_response_only(client):
    attachment, response = shown(), make_response()
    sign_in(client, "curator")
    other = make_item()
    for address in (
        f"/bench/items/{other.public_id}/images/{attachment.sha256}/",
        f"/bench/responses/{response.pk}/files/{attachment.sha256}/",
        f"/bench/items/{attachment.item.public_id}/images/{response.output_sha256}/",
        f"/bench/items/{attachment.item.public_id}/images/{'0' * 64}/",
        f"/bench/items/{attachment.item.public_id}/images/..%2f..%2fsettings/",
        f"/bench/responses/{response.pk + 99}/files/{response.output_sha256}/",
    ):
        assert client.get(address).status_code == 404, address
    assert client.get(attachment.get_absolute_url()).getvalue() == png("red")
    media_store().path(attachment.sha256).unlink()
    assert client.get(attachment.get_absolute_url()).status_code == 404


def test_a_part_of_a_video_is_served_for_who_asks_for_it(client):
    response = make_response(mp4("x"), "video/mp4")
    sign_in(client, "annotator")
    address = f"/bench/responses/{response.pk}/files/{response.output_sha256}/"
    whole = mp4("x")
    part = client.get(address, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.getvalue(), part["Content-Range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    assert client.get(address, headers={"Range": "bytes=600-"}).getvalue() == whole[600:]
    assert client.get(address, headers={"Range": "bytes=-7"}).getvalue() == whole[-7:]
    assert client.get(address, headers={"Range": "bytes=5-2"}).status_code == 416
    assert part["Content-Length"] == "10"
    assert client.get(address, headers={"Range": "bytes=99999-"}).status_code == 416
    assert client.get(address, headers={"Range": "bytes=x-"}).getvalue() == whole


def test_a_browser_keeps_a_file_but_asks_each_time_whether_it_may_be_seen_still(client):
    response = make_response()
    user = make_user("annotator")
    client.force_login(user)
    address = f"/bench/responses/{response.pk}/files/{response.output_sha256}/"
    first = client.get(address)
    assert first.getvalue() == png("made")
    known = {"If-None-Match": first["ETag"]}
    again = client.get(address, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(address, headers={"If-None-Match": '"another"'}).getvalue() == png("made")
    user.groups.clear()
    assert client.get(address, headers=known).status_code == 403
    client.logout()
    assert client.get(address, headers=known).status_code == 302


@pytest.mark.parametrize(
    ("data", "media_type", "tag"),
    [(png("made"), "image/png", "<img "), (wav("made"), "audio/wav", "<audio controls"), (mp4("made"), "video/mp4", "<video controls")],
)
def test_the_page_of_a_response_shows_what_was_made_behind_the_warning(client, data, media_type, tag):
    response = make_response(data, media_type, category="violence_hate")
    address = f"/bench/responses/{response.pk}/"
    assert response.output_sha256 not in client.get(address).content.decode().replace(
        f'<dd class="mono">{response.output_sha256}</dd>', ""
    )
    sign_in(client, "annotator")
    page = client.get(address)
    text = page.content.decode()
    assert tag in text
    assert text.index('<details class="fold') < text.index(tag) < text.index("</details>", text.index(tag))
    assert "No text came back" not in text
    assert "media-src 'self'" in page["Content-Security-Policy"]


def test_the_page_of_a_response_shows_what_the_question_showed(client):
    attachment = shown(proposed(category="culture"))
    Item.objects.filter(pk=attachment.item_id).update(status=Item.Status.ACCEPTED)
    run = make_run(make_release([attachment.item]))
    response = make_score(run, attachment.item, make_language_model(), 3.0).trial.response
    file = {"type": "media", "sha256": attachment.sha256, "media_type": "image/png", "size": attachment.size}
    Response.objects.filter(pk=response.pk).update(
        messages=[{"role": "user", "content": [{"type": "text", "text": "What is <b>this</b>?"}, file]}]
    )
    sign_in(client, "annotator")
    text = client.get(f"/bench/responses/{response.pk}/").content.decode()
    assert "What is &lt;b&gt;this&lt;/b&gt;?" in text
    assert 'alt="A red square."' in text
    assert client.get(f"/bench/responses/{response.pk}/files/{attachment.sha256}/").getvalue() == png("red")


@pytest.mark.parametrize("reader", ["anonymous", "annotator"])
def test_the_pages_of_a_score_and_of_its_source_show_what_was_made_to_who_may_see_it(client, reader):
    response = make_response(category="violence_hate")
    score = response.trials.get().scores.get()
    sign_in(client, reader)
    address = f"/bench/responses/{response.pk}/files/{response.output_sha256}/"
    page = client.get(score.get_absolute_url()).content.decode()
    assert (f'<img src="{address}"' in page) is (reader == "annotator")
    if reader == "annotator":
        assert page.rindex('<details class="fold', 0, page.index(address)) > page.rfind("</details>", 0, page.index(address))
    chain = client.get(f"/provenance/score/{score.pk}/").content.decode()
    assert response.get_absolute_url() in chain
    assert address not in chain or reader == "annotator"


NAMES_OF_FILES = ("/images/", "/files/")


def test_no_page_or_answer_of_the_api_leads_who_is_not_signed_in_to_a_file(client):
    attachment, response = shown(proposed(category="violence_hate")), make_response(category="violence_hate")
    Item.objects.filter(pk=attachment.item_id).update(status=Item.Status.ACCEPTED)
    run = make_run(make_release([attachment.item]))
    score = make_score(run, attachment.item, make_language_model(), 3.0)
    file = {"type": "media", "sha256": attachment.sha256, "media_type": "image/png", "size": attachment.size}
    Response.objects.filter(pk=score.trial.response_id).update(
        messages=[{"role": "user", "content": [{"type": "text", "text": "What is this?"}, file]}]
    )
    addresses = [
        attachment.item.get_absolute_url(), run.release.get_absolute_url(), run.get_absolute_url(), "/bench/items/",
        score.get_absolute_url(), score.trial.response.get_absolute_url(), response.get_absolute_url(),
        f"/provenance/score/{score.pk}/", f"/provenance/response/{response.pk}/", "/api/v1/items/", "/api/v1/responses/",
        f"/api/v1/items/{attachment.item.public_id}/", f"/api/v1/responses/{score.trial.response_id}/",
    ]
    for address in addresses:
        answer = client.get(address)
        text = answer.content.decode()
        assert answer.status_code == 200, address
        assert attachment.sha256 not in text, address
        assert "A red square." not in text, address
        assert not [each for each in NAMES_OF_FILES if each in text], address


@pytest.mark.parametrize("reader", ["anonymous", "annotator"])
def test_the_api_names_files_for_who_may_read_the_texts(client, reader):
    attachment, response = shown(), make_response()
    sign_in(client, reader)
    item = client.get(f"/api/v1/items/{attachment.item.public_id}/").json()
    answer = client.get(f"/api/v1/responses/{response.pk}/").json()
    if reader == "anonymous":
        assert (item["attachments"], answer["output"]) == (None, None)
        assert item["withheld"]
        return
    assert item["attachments"] == [{**attachment.as_json(), "url": attachment.get_absolute_url()}]
    assert answer["output"] == {
        "sha256": response.output_sha256, "media_type": "image/png", "size": response.output_size,
        "url": f"/bench/responses/{response.pk}/files/{response.output_sha256}/",
    }
    assert client.get(answer["output"]["url"]).getvalue() == png("made")


def test_queries_do_not_grow_with_the_images(client):
    sign_in(client, "curator")
    item = proposed()
    counts = []
    for number in range(4):
        shown(item, f"{number}")
        shown()
        found = []
        for address in (item.get_absolute_url(), "/api/v1/items/"):
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                client.get(address)
            found.append(len(queries))
        counts.append(found)
    assert counts[0] == counts[-1]


def test_who_labels_sees_the_images_of_the_question(client):
    attachment = shown(proposed(category="culture"))
    Item.objects.filter(pk=attachment.item_id).update(status=Item.Status.ACCEPTED)
    run = make_run(make_release([attachment.item]))
    make_score(run, attachment.item, make_language_model(), 3.0)
    task = make_label_sample(run).tasks.get()
    sign_in(client, "annotator")
    page = client.get(task.get_absolute_url()).content.decode()
    assert f'src="{attachment.get_absolute_url()}" alt="A red square."' in page
    assert page.index('<details class="fold') < page.index(attachment.get_absolute_url())


def test_a_refused_file_is_told_in_the_language_of_the_page(client):
    item = proposed()
    sign_in(client, "curator")
    client.cookies["django_language"] = "zh-hans"
    page = client.post(item.get_absolute_url(), {"image": upload(b"<svg/>"), "alt": "x"}, follow=True)
    assert "按其内容" in page.content.decode()
