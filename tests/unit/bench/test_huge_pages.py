"""What is gathered into huge pages: the process's own memory, and nothing where the system cannot."""

from __future__ import annotations

import pytest

from bench.execution import huge_pages
from bench.execution.huge_pages import HUGE, own_memory, use_huge_pages, whole_pages

MAPS = """\
55d0c0000000-55d0c1400000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000600000 rw-p 00000000 00:00 0
7f0000600000-7f0000700000 r--p 00000000 00:00 0
7f0001000000-7f0001200000 rw-p 00010000 08:01 1234                       /usr/lib/library with a space.so
7f0001200000-7f0001201000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
"""


@pytest.fixture(autouse=True)
def _first_time():
    use_huge_pages.cache_clear()
    yield
    use_huge_pages.cache_clear()


def test_only_memory_that_belongs_to_no_file_and_may_be_written_is_gathered():
    assert list(own_memory(MAPS.splitlines())) == [
        (0x55D0C0000000, 0x55D0C1400000), (0x7F0000000000, 0x7F0000600000),
    ]


@pytest.mark.parametrize(
    ("begin", "end", "pages"),
    [(0, HUGE, [0]), (1, HUGE, []), (1, 2 * HUGE, [HUGE]), (HUGE, 3 * HUGE - 1, [HUGE]), (5, 6, [])],
)
def test_a_page_that_is_only_partly_there_is_left_out(begin, end, pages):
    assert list(whole_pages(begin, end)) == pages


def test_it_is_done_once_and_what_is_in_memory_stays(monkeypatch):
    kept = [bytes([number % 251]) * 4096 for number in range(2048)]
    first = use_huge_pages()
    maps = huge_pages._MAPS.read_text(encoding="utf-8") if huge_pages._MAPS.exists() else ""
    assert 0 <= first <= sum(len(whole_pages(*each)) for each in own_memory(maps.splitlines()))
    monkeypatch.setattr(huge_pages, "_MAPS", None)  # would fail, were it read again
    assert use_huge_pages() == first
    assert all(page == bytes([number % 251]) * 4096 for number, page in enumerate(kept))


def test_a_system_without_such_a_list_changes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(huge_pages, "_MAPS", tmp_path / "none")
    assert use_huge_pages() == 0


def test_a_library_without_the_call_changes_nothing(monkeypatch):
    monkeypatch.setattr(huge_pages.ctypes, "CDLL", lambda name: object())
    assert use_huge_pages() == 0
