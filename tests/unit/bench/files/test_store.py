"""Files lie under the hash of their content, whole or not at all."""

from __future__ import annotations

import hashlib

import pytest

from bench.exceptions import BadMediaError, MissingMediaError
from bench.files.kinds import media_file_of, type_of_output
from bench.files.store import MediaStore
from tests.fake_media import mp4, png, wav


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_found_by_its_hash_and_kept_once(tmp_path):
    store = MediaStore(tmp_path / "new")
    kept = store.keep(b"abc", "image/png")
    assert kept.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert kept.size == 3
    assert store.read(kept.sha256) == b"abc"
    assert store.keep(b"abc", "image/png") == kept
    assert names(tmp_path) == [kept.sha256]


def test_what_grows_too_long_or_fails_leaves_nothing_behind(tmp_path):
    store = MediaStore(tmp_path)
    with store.incoming(5) as incoming, pytest.raises(BadMediaError, match="longer than"):
        incoming.write(b"123456")

    def broken(head):
        raise BadMediaError("no")

    with store.incoming(5) as incoming:
        incoming.write(b"1234")
        with pytest.raises(BadMediaError):
            incoming.keep(broken)
    assert names(tmp_path) == []


def test_a_damaged_a_missing_and_a_wrongly_named_file_are_told(tmp_path):
    store = MediaStore(tmp_path)
    kept = store.keep(b"abc", "image/png")
    store.path(kept.sha256).write_bytes(b"abd")
    with pytest.raises(MissingMediaError, match="damaged"):
        store.read(kept.sha256)
    with pytest.raises(MissingMediaError, match="not in this site"):
        store.read("0" * 64)
    for name in ("../../etc/passwd", "A" * 64, "", "0" * 63):
        with pytest.raises(MissingMediaError):
            store.path(name)


@pytest.mark.parametrize(
    ("kind", "data", "found"),
    [
        ("image", png("x"), "image/png"), ("speech", wav("x"), "audio/wav"), ("speech", b"ID3\x04" + b"\0" * 9, "audio/mpeg"),
        ("speech", b"\xff\xfb\x90\x00" + b"\0" * 9, "audio/mpeg"), ("speech", b"fLaC\0\0", "audio/flac"),
        ("speech", b"OggS\0\0", "audio/ogg"), ("speech", b"\xff\xf1\x50\x80", "audio/aac"), ("video", mp4("x"), "video/mp4"),
        ("video", b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
    ],
)
def test_the_type_is_that_of_the_content(kind, data, found):
    assert type_of_output(kind, data) == found


@pytest.mark.parametrize(
    ("kind", "data"),
    [("speech", png("x")), ("video", wav("x")), ("image", mp4("x")), ("speech", b"<html>"), ("video", b"{}"), ("video", b""),
     ("speech", b"\xff\xff\xff\xff"), ("video", b"\x1aE\xdf\xa3\x9fmatroska")],
)
def test_another_kind_of_file_is_refused(kind, data):
    with pytest.raises(BadMediaError):
        type_of_output(kind, data)


@pytest.mark.parametrize(
    "data", [{}, {"sha256": "0" * 64}, {"sha256": "../x", "media_type": "image/png"},
             {"sha256": "0" * 64, "media_type": "text/html"}, {"sha256": "0" * 64, "media_type": "image/svg+xml"}],
)
def test_a_part_that_names_no_file_of_a_known_type_names_none(data):
    assert media_file_of(data) is None
