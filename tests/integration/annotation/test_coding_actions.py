"""Coding a document: what is kept, what is refused, and what the log says."""

from __future__ import annotations

import pytest

from annotation.actions.close_round import close_round
from annotation.actions.create_code import create_code
from annotation.actions.describe_document import set_categories, set_lifecycle, set_stance
from annotation.actions.freeze_document import freeze_document
from annotation.actions.mark_passage import mark_passage, remove_coding
from annotation.actions.open_round import assign, open_round
from annotation.actions.submit_assignment import reopen_assignment, submit_assignment
from annotation.actions.write_memo import write_memo
from annotation.exceptions import IncompleteAssignmentError, NotCodableError, OffsetError, QuoteMismatchError
from annotation.models import Assignment, Code, Coding, Document, Memo, Round, Segment
from gvsir.exceptions import ImmutableRecordError, InvalidTransitionError, PermissionRefusedError
from gvsir.models import LogEntry
from tests.factories.annotation import (
    category_of,
    close,
    coder_of,
    make_account,
    make_assignment,
    make_code,
    make_codebook,
    make_coded_incident,
    make_coding,
    make_document,
    make_round,
)

pytestmark = pytest.mark.django_db

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
TITLE = f"Chatbot {FAMILY} misleads 𠮷野家 customers"
DESCRIPTION = "A bot 🤖 said 客服机器人 is human.\r\nIt lied."


@pytest.fixture
def annotator():
    return make_account("annotator")


@pytest.fixture
def assignment(annotator):
    return make_assignment(user=annotator, document=make_document(make_coded_incident(title=TITLE, description=DESCRIPTION)))


def mark(assignment, quote, actor, code=None, **overrides):
    start = assignment.document.text.index(quote)
    code = code or make_code(assignment.round.codebook)
    values = {
        "assignment_id": assignment.pk, "start_codepoint": start, "end_codepoint": start + len(quote), "quote": quote,
        "code_id": code.pk, "actor": actor, **overrides,
    }
    return mark_passage(**values)


def test_document_is_title_blank_line_description_with_lf_only():
    incident = make_coded_incident(title="A title", description="One.\r\nTwo.\rThree.")
    document = freeze_document(incident=incident, actor=None)
    assert document.text == "A title\n\nOne.\nTwo.\nThree."
    assert document.text[: document.title_end_codepoint] == "A title"
    assert document.sha256 == Document.digest(document.text)


def test_freezing_the_same_text_twice_gives_the_same_document_and_an_edit_a_new_one():
    incident = make_coded_incident()
    first = freeze_document(incident=incident, actor=None)
    assert freeze_document(incident=incident, actor=None) == first
    incident.description += " And more."
    incident.save()
    second = freeze_document(incident=incident, actor=None)
    assert second != first
    assert Document.objects.get(pk=first.pk).text != second.text


def test_a_frozen_text_cannot_be_changed():
    document = make_document()
    document.text = "Other"
    with pytest.raises(ImmutableRecordError):
        document.save()


@pytest.mark.parametrize("quote", [FAMILY, "𠮷野家", "客服机器人", "lied", "🤖 said 客服"])
def test_a_passage_is_kept_in_code_points(assignment, annotator, quote):
    coding = mark(assignment, quote, annotator)
    stored = Segment.objects.get(pk=coding.segment_id)
    assert stored.quote == quote
    assert stored.end_codepoint - stored.start_codepoint == len(quote)


def test_utf16_offsets_are_refused_as_another_text_and_nothing_is_kept(assignment, annotator):
    code = make_code(assignment.round.codebook)
    text = assignment.document.text
    start16 = len(text[: text.index("lied")].encode("utf-16-le")) // 2
    with pytest.raises((QuoteMismatchError, OffsetError)):
        mark(assignment, "lied", annotator, code, start_codepoint=start16, end_codepoint=start16 + 4)
    assert not Segment.objects.exists()
    assert not Coding.objects.exists()


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (5, 5), (7, 3), (0, 10_000)])
def test_offsets_outside_the_text_are_refused(assignment, annotator, start, end):
    with pytest.raises(OffsetError):
        mark(assignment, "lied", annotator, start_codepoint=start, end_codepoint=end)


def test_a_passage_of_blanks_is_refused(assignment, annotator):
    with pytest.raises(OffsetError, match="blanks"):
        mark(assignment, "\n\n", annotator)


def test_a_double_click_makes_one_coding_and_one_log_entry(assignment, annotator):
    code = make_code(assignment.round.codebook)
    assert mark(assignment, "lied", annotator, code) == mark(assignment, "lied", annotator, code)
    assert Coding.objects.count() == 1
    assert LogEntry.objects.filter(action="coding.mark", actor=annotator).count() == 1


def test_passages_may_overlap_and_one_passage_may_have_two_codes(assignment, annotator):
    mark(assignment, "said 客服机器人", annotator)
    mark(assignment, "客服机器人 is human", annotator)
    mark(assignment, "客服机器人 is human", annotator)
    assert Coding.objects.count() == 3
    assert Segment.objects.count() == 2


def test_marking_moves_the_assignment_on(assignment, annotator):
    mark(assignment, "lied", annotator)
    assignment.refresh_from_db()
    assert assignment.status == Assignment.Status.IN_PROGRESS


def test_a_code_of_another_codebook_is_refused(assignment, annotator):
    with pytest.raises(NotCodableError):
        mark(assignment, "lied", annotator, make_code(make_codebook()))


def test_the_open_code_of_another_coder_in_an_open_round_is_refused(assignment, annotator):
    hidden = make_code(
        assignment.round.codebook, created_by=coder_of(make_account("annotator")), created_in=assignment.round
    )
    with pytest.raises(NotCodableError):
        mark(assignment, "lied", annotator, hidden)


def test_remove_takes_one_code_off_and_a_second_call_does_nothing(assignment, annotator):
    first, second = mark(assignment, "lied", annotator), mark(assignment, "bot", annotator)
    pk = first.pk
    remove_coding(assignment_id=assignment.pk, coding_id=pk, actor=annotator)
    remove_coding(assignment_id=assignment.pk, coding_id=pk, actor=annotator)
    assert list(Coding.objects.all()) == [second]
    assert LogEntry.objects.filter(action="coding.remove").count() == 1


def test_remove_leaves_the_codings_of_others(assignment, annotator):
    other = make_assignment(round=assignment.round, document=assignment.document)
    theirs = make_coding(other, "lied")
    remove_coding(assignment_id=assignment.pk, coding_id=theirs.pk, actor=annotator)
    assert Coding.objects.filter(pk=theirs.pk).exists()


def test_a_new_code_belongs_to_its_maker_and_round_and_is_made_once(assignment, annotator):
    made = create_code(assignment_id=assignment.pk, name="  spoke  for the firm ", category_key="misinfo", actor=annotator)
    again = create_code(assignment_id=assignment.pk, name="spoke for the firm", actor=annotator)
    assert made == again
    assert (made.name, made.category, made.created_in, made.created_by) == (
        "spoke for the firm", category_of("misinfo"), assignment.round, assignment.coder,
    )


@pytest.mark.parametrize(("name", "category"), [(" ", ""), ("x" * 201, ""), ("fine", "no_such")])
def test_a_bad_code_is_refused(assignment, annotator, name, category):
    with pytest.raises(NotCodableError):
        create_code(assignment_id=assignment.pk, name=name, category_key=category, actor=annotator)
    assert not Code.objects.exists()


def test_categories_are_replaced_with_one_main(assignment, annotator):
    for main, others in (("misinfo", ["bias", "misinfo"]), ("bias", ["identity", "identity"])):
        set_categories(assignment_id=assignment.pk, main=main, others=others, actor=annotator)
    given = {each.category.key: each.is_main for each in assignment.categories.all()}
    assert given == {"bias": True, "identity": False}


def test_an_unknown_category_changes_nothing(assignment, annotator):
    set_categories(assignment_id=assignment.pk, main="misinfo", others=[], actor=annotator)
    with pytest.raises(NotCodableError):
        set_categories(assignment_id=assignment.pk, main="misinfo", others=["baseline"], actor=annotator)
    assert assignment.categories.count() == 1


def test_stance_and_stage_are_kept_and_checked(assignment, annotator):
    set_stance(assignment_id=assignment.pk, stance="warn", actor=annotator)
    set_lifecycle(assignment_id=assignment.pk, stage="output", actor=annotator)
    with pytest.raises(NotCodableError):
        set_stance(assignment_id=assignment.pk, stance="cheer", actor=annotator)
    with pytest.raises(NotCodableError):
        set_lifecycle(assignment_id=assignment.pk, stage="later", actor=annotator)
    assignment.refresh_from_db()
    assert (assignment.stance, assignment.lifecycle_stage) == ("warn", "output")


def test_a_memo_is_one_per_place_and_kind_and_empty_text_removes_it(assignment, annotator):
    coding = mark(assignment, "lied", annotator)
    write_memo(assignment_id=assignment.pk, text="On the whole.", actor=annotator)
    write_memo(assignment_id=assignment.pk, text="On the word.", coding_id=coding.pk, actor=annotator)
    write_memo(assignment_id=assignment.pk, text="On the whole, again.", actor=annotator)
    write_memo(assignment_id=assignment.pk, text="ask it", text_zh="问它", kind="scenario", actor=annotator)
    assert set(Memo.objects.values_list("kind", "coding", "text")) == {
        ("analytic", None, "On the whole, again."), ("analytic", coding.pk, "On the word."), ("scenario", None, "ask it"),
    }
    assert write_memo(assignment_id=assignment.pk, text=" ", actor=annotator) is None
    assert Memo.objects.filter(coding=None, kind="analytic").count() == 0


def test_handing_in_needs_main_category_and_stance_and_says_so(assignment, annotator):
    with pytest.raises(IncompleteAssignmentError, match="main value concerned and what a good answer"):
        submit_assignment(assignment_id=assignment.pk, actor=annotator)
    set_categories(assignment_id=assignment.pk, main="misinfo", others=[], actor=annotator)
    set_stance(assignment_id=assignment.pk, stance="warn", actor=annotator)
    done = submit_assignment(assignment_id=assignment.pk, actor=annotator)
    assert done.status == Assignment.Status.SUBMITTED
    assert done.submitted_at is not None


def changes(assignment, actor, code, coding):
    """Every way to change a document's coding."""
    common = {"assignment_id": assignment.pk, "actor": actor}
    return {
        "mark": lambda: mark(assignment, "lied", actor, code),
        "remove": lambda: remove_coding(coding_id=coding.pk, **common),
        "code": lambda: create_code(name="new", **common),
        "categories": lambda: set_categories(main="bias", others=[], **common),
        "stance": lambda: set_stance(stance="warn", **common),
        "lifecycle": lambda: set_lifecycle(stage="data", **common),
        "memo": lambda: write_memo(text="x", **common),
        "submit": lambda: submit_assignment(**common),
    }


VERBS = ["mark", "remove", "code", "categories", "stance", "lifecycle", "memo", "submit"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("who", ["other annotator", "curator", "researcher", "annotator without the role", "nobody"])
def test_only_the_coder_of_the_assignment_may_change_it(assignment, annotator, verb, who):
    coding = make_coding(assignment, "bot")
    before = LogEntry.objects.count()
    if who == "annotator without the role":
        annotator.groups.clear()
        actor = type(annotator).objects.get(pk=annotator.pk)
    else:
        actor = {
            "other annotator": lambda: make_account("annotator"), "curator": lambda: make_account("curator"),
            "researcher": lambda: make_account("researcher"), "nobody": lambda: None,
        }[who]()
    with pytest.raises(PermissionRefusedError):
        changes(assignment, actor, coding.code, coding)[verb]()
    assert list(Coding.objects.all()) == [coding]
    assert LogEntry.objects.count() == before


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", ["submitted", "closed"])
def test_what_is_handed_in_or_closed_does_not_change(assignment, annotator, verb, state):
    coding = make_coding(assignment, "bot")
    if state == "submitted":
        Assignment.objects.filter(pk=assignment.pk).update(status="submitted")
    else:
        close(assignment.round)
    with pytest.raises(InvalidTransitionError):
        changes(assignment, annotator, coding.code, coding)[verb]()
    assert list(Coding.objects.all()) == [coding]


def test_a_document_handed_in_can_be_taken_back_while_the_round_is_open(assignment, annotator):
    with pytest.raises(InvalidTransitionError, match="not handed in"):
        reopen_assignment(assignment_id=assignment.pk, actor=annotator)
    Assignment.objects.filter(pk=assignment.pk).update(status="submitted")
    assert reopen_assignment(assignment_id=assignment.pk, actor=annotator).status == Assignment.Status.IN_PROGRESS
    Assignment.objects.filter(pk=assignment.pk).update(status="submitted")
    close(assignment.round)
    with pytest.raises(InvalidTransitionError, match="closed"):
        reopen_assignment(assignment_id=assignment.pk, actor=annotator)


def test_a_curator_opens_a_round_hands_out_documents_and_closes_it():
    curator, coders = make_account("curator"), [coder_of(make_account("annotator")) for _ in range(2)]
    made = open_round(name="Pilot", codebook=make_codebook(), actor=curator)
    incidents = [make_coded_incident(), make_coded_incident()]
    assign(round_id=made.pk, incidents=incidents, coders=coders, actor=curator)
    assign(round_id=made.pk, incidents=incidents, coders=coders, actor=curator)
    assert Assignment.objects.filter(round=made).count() == 4
    with pytest.raises(InvalidTransitionError, match="4 documents are not handed in"):
        close_round(round_id=made.pk, actor=curator)
    Assignment.objects.filter(round=made).update(status="submitted")
    closed = close_round(round_id=made.pk, actor=curator)
    assert closed.status == Round.Status.CLOSED
    assert closed.closed_at is not None
    with pytest.raises(InvalidTransitionError, match="closed"):
        assign(round_id=made.pk, incidents=[make_coded_incident()], coders=coders, actor=curator)
    assert set(LogEntry.objects.filter(kind="annotation.round").values_list("action", flat=True)) == {
        "round.open", "round.assign", "round.close",
    }


@pytest.mark.parametrize("role", ["annotator", "researcher"])
def test_only_a_curator_manages_rounds(role):
    user, of_round = make_account(role), make_round()
    for act in (
        lambda: open_round(name="x", codebook=of_round.codebook, actor=user),
        lambda: assign(round_id=of_round.pk, incidents=[], coders=[], actor=user),
        lambda: close_round(round_id=of_round.pk, actor=user, reason="x"),
    ):
        with pytest.raises(PermissionRefusedError):
            act()


def test_a_round_name_is_given_once():
    curator = make_account("curator")
    open_round(name="Pilot", codebook=make_codebook(), actor=curator)
    with pytest.raises(InvalidTransitionError, match="exists already"):
        open_round(name=" Pilot ", codebook=make_codebook(), actor=curator)
