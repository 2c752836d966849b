"""The journal alone: what a process wrote is read by the next one, and by nobody while it lives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.execution.calls import Call, FailedCall, Settled
from bench.execution.journal import Journal, left_journals
from bench.files.kinds import MediaFile
from bench.providers.base import Completion
from bench.specs import GenerationConfig


def call(key, attempts=1, kind="response"):
    return Call(
        key=key, kind=kind, lane="a", client="m", messages=(), generation=GenerationConfig(), attempts=attempts,
        context=(1, ()),
    )


def answered(key, text="yes", **more):
    return Settled(
        call=call(key, **more), completion=Completion(text=text, prompt_tokens=3, completion_tokens=None),
        outcome="answered", error="", seconds=0.25, at=1700000000.5,
    )


def left(folder, prefix=""):
    found = []
    for journal in left_journals(folder, prefix):
        found += journal.entries()
        journal.done()
    return found


def test_what_a_process_wrote_is_read_word_for_word(tmp_path):
    event = answered("k", "图 🙂\u2028\n\"quoted\"")
    failed = FailedCall(
        call=call("f", 2), number=2, outcome="rate_limited", message="429", at=1.5, http_status=429, retry_after=2.0
    )
    journal = Journal(tmp_path / "deep" / "journals", "run-1")
    journal.note(event)
    journal.note(failed)
    journal.close(is_done=False)
    first, second = left(tmp_path / "deep" / "journals")
    again = call("k", 0)
    assert first.event(again) == Settled(
        call=again, completion=event.completion, outcome="answered", error="", seconds=0.25, at=1700000000.5
    )
    assert again.attempts == 1
    other = call("f", 0)
    assert second.event(other) == FailedCall(
        call=other, number=2, outcome="rate_limited", message="429", at=1.5, http_status=429, retry_after=2.0
    )
    assert left(tmp_path / "deep" / "journals") == []


def test_a_file_that_was_made_is_named_as_it_was(tmp_path):
    made = MediaFile(sha256="a" * 64, media_type="image/png", size=12)
    event = replace(answered("k"), completion=Completion(text="", output=made))
    journal = Journal(tmp_path, "run-1")
    journal.note(event)
    journal.close(is_done=False)
    assert left(tmp_path)[0].event(call("k")).completion.output == made


def test_what_the_database_has_is_forgotten_and_what_came_meanwhile_is_kept(tmp_path):
    journal = Journal(tmp_path, "run-1")
    journal.note(answered("first"))
    journal.turn()
    journal.note(answered("second"))
    journal.forget()
    journal.close(is_done=False)
    assert [entry.key for entry in left(tmp_path)] == ["second"]


def test_a_journal_whose_process_lives_is_nobody_elses(tmp_path):
    journal = Journal(tmp_path, "run-1")
    journal.note(answered("k"))
    assert left(tmp_path) == []
    journal.close(is_done=False)
    assert [entry.key for entry in left(tmp_path)] == ["k"]


def test_only_the_runs_own_journals_are_read(tmp_path):
    for name in ("a-1", "b-1"):
        journal = Journal(tmp_path, name)
        journal.note(answered(name))
        journal.close(is_done=False)
    assert [entry.key for entry in left(tmp_path, "b-")] == ["b-1"]
    assert [entry.key for entry in left(tmp_path, "a-")] == ["a-1"]


def test_a_run_that_ended_well_leaves_no_file(tmp_path):
    journal = Journal(tmp_path, "run-1")
    journal.note(answered("k"))
    journal.close(is_done=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("torn", [
    '{"key": "x", "kin', "null", "[]", '{"key": "x"}', '{"key": "x", "kind": "response", "attempts": "many", "data": {}}', "\\ud800",
])
def test_a_line_that_is_none_is_passed_over(tmp_path, torn):
    journal = Journal(tmp_path, "run-1")
    journal.note(answered("before"))
    journal.close(is_done=False)
    path = next(each for each in tmp_path.iterdir() if each.stat().st_size)
    path.write_text(path.read_text() + torn)
    assert [entry.key for entry in left(tmp_path)] == ["before"]


def test_fields_of_another_version_do_no_harm(tmp_path):
    journal = Journal(tmp_path, "run-1")
    journal.note(answered("k"))
    journal.close(is_done=False)
    path = next(each for each in tmp_path.iterdir() if each.stat().st_size)
    line = json.loads(path.read_text())
    line["data"]["completion"]["mood"] = "glad"
    path.write_text(json.dumps(line) + "\n")
    (entry,) = left(tmp_path)
    assert entry.event(call("k")).completion.text == "yes"
