"""Coding in the browser: mouse, keyboard, emoji and Chinese, undo, hand in; and on a phone."""

from __future__ import annotations

import pytest

from annotation.models import Assignment, Coding, Memo
from tests.factories.annotation import (
    PASSWORD,
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

pytestmark = pytest.mark.django_db(transaction=True)

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
TITLE = f"Chatbot {FAMILY} misleads customers"
DESCRIPTION = "A bot 🤖 told 𠮷野家 guests that 客服机器人 is a person. It lied about refunds.\nLater it apologised 🙏 in public."


@pytest.fixture
def annotator():
    return make_account("annotator", username="ann")


@pytest.fixture
def assignment(annotator):
    codebook = make_codebook()
    make_code(codebook, name="poses as a person", category="identity")
    make_code(codebook, name="wrong advice", category="misinfo")
    document = make_document(make_coded_incident(title=TITLE, description=DESCRIPTION))
    return make_assignment(user=annotator, round=make_round(codebook=codebook), document=document)


@pytest.fixture
def coding_page(page, sign_in, annotator, assignment):
    sign_in(annotator, PASSWORD)
    page.goto(f"/code/{assignment.pk}/")
    return page


def drag_over(page, quote):
    """Select ``quote`` with the mouse, from the left edge of its first to the right edge of its last character."""
    ends = page.evaluate(
        """quote => {
          for (const span of document.querySelectorAll('#coded-text [data-text]')) {
            const node = span.firstChild, at = node.data.indexOf(quote);
            if (at < 0) continue;
            span.scrollIntoView({block: 'center', behavior: 'instant'});
            const range = document.createRange();
            range.setStart(node, at); range.setEnd(node, at + quote.length);
            const rects = range.getClientRects(), first = rects[0], last = rects[rects.length - 1];
            return [first.left + 1, first.top + first.height / 2, last.right - 1.5, last.top + last.height / 2];
          }
        }""",
        quote,
    )
    assert ends, f"{quote} is not in one run of the text"
    page.mouse.move(ends[0], ends[1])
    page.mouse.down()
    page.mouse.move(ends[2], ends[3], steps=6)
    page.mouse.up()


def kept(page):
    page.locator("#coding-status", has_text="All changes kept").wait_for()


def passages(page, n):
    """Wait until ``n`` passages are listed and kept."""
    page.locator("#coding-passages li").nth(n - 1).wait_for()
    page.locator("#coding-passages li").nth(n).wait_for(state="detached")
    kept(page)


def coded(assignment):
    """What the database holds: quote, code, and whether the offsets are code points of this very text."""
    found = []
    for coding in Coding.objects.filter(assignment=assignment).select_related("segment__document", "code"):
        text = coding.segment.document.text
        found.append((text[coding.segment.start_codepoint : coding.segment.end_codepoint], coding.code.name))
    return sorted(found)


def marked(page):
    """What the page shows as marked, run by run."""
    return [each.text_content() for each in page.locator("#coded-text mark [data-text]").all()]


def test_a_passage_after_an_emoji_marked_with_the_mouse_is_found_again_after_reload(coding_page, assignment):
    drag_over(coding_page, "客服机器人 is a person")
    coding_page.keyboard.press("+")
    coding_page.get_by_label("Find or make a code").fill("machine called human")
    coding_page.get_by_label("New code, under").select_option("identity")
    coding_page.get_by_role("button", name="Make this code").click()
    coding_page.locator("#coding-passages li").wait_for()
    kept(coding_page)
    segment = Coding.objects.get().segment
    start = assignment.document.text.index("客服机器人")
    assert (segment.start_codepoint, segment.end_codepoint) == (start, start + len("客服机器人 is a person"))
    assert coded(assignment) == [("客服机器人 is a person", "machine called human")]
    coding_page.reload()
    assert marked(coding_page) == ["客服机器人 is a person"]
    assert coding_page.locator("#coded-text mark").get_attribute("class") == "seg m1-10 bg-10"
    assert f"{start}–{segment.end_codepoint}" in coding_page.locator("#coding-passages").text_content()


def test_a_passage_marked_with_the_keyboard_and_a_letter_is_found_again_after_reload(coding_page, assignment):
    coding_page.locator("#coded-text").focus()
    for _ in range(2):
        coding_page.keyboard.press("ArrowRight")
    coding_page.keyboard.press("End")  # of the title
    coding_page.keyboard.press("ArrowRight")
    coding_page.keyboard.press("ArrowRight")  # over the empty line
    for _ in range(len("A bot 🤖 told ")):
        coding_page.keyboard.press("ArrowRight")
    for _ in range(len("𠮷野家")):
        coding_page.keyboard.press("Shift+ArrowRight")
    coding_page.keyboard.press("w")  # wrong advice
    coding_page.locator("#coding-passages li").wait_for()
    kept(coding_page)
    assert coded(assignment) == [("𠮷野家", "wrong advice")]
    coding_page.reload()
    assert marked(coding_page) == ["𠮷野家"]


def test_the_keyboard_moves_by_word_and_never_into_a_family(coding_page, assignment):
    coding_page.locator("#coded-text").focus()
    for _ in range(len("Chatbot ")):
        coding_page.keyboard.press("ArrowRight")
    coding_page.keyboard.press("Shift+ArrowRight")  # one key for five code points
    coding_page.keyboard.press("Control+Shift+ArrowRight")
    coding_page.keyboard.press("Control+Shift+ArrowRight")
    coding_page.keyboard.press("p")  # poses as a person
    coding_page.locator("#coding-passages li").wait_for()
    kept(coding_page)
    assert coded(assignment) == [(f"{FAMILY} misleads", "poses as a person")]


def test_overlapping_passages_undo_redo_and_remove(coding_page, assignment):
    drag_over(coding_page, "It lied about refunds")
    coding_page.keyboard.press("w")
    coding_page.locator("#coding-passages li").first.wait_for()
    coding_page.evaluate("""() => {
      const [first, second] = ['that 客', 'lied'].map(words => [...document.querySelectorAll('#coded-text [data-text]')]
        .map(span => [span.firstChild, span.firstChild.data.indexOf(words), words]).find(each => each[1] >= 0));
      getSelection().setBaseAndExtent(first[0], first[1], second[0], second[1] + 4);
    }""")
    coding_page.keyboard.press("p")
    coding_page.locator("#coding-passages li").nth(1).wait_for()
    kept(coding_page)
    both = [("It lied about refunds", "wrong advice"), ("that 客服机器人 is a person. It lied", "poses as a person")]
    assert coded(assignment) == both
    assert marked(coding_page) == ["that 客服机器人 is a person. ", "It lied", " about refunds"]
    coding_page.keyboard.press("z")
    passages(coding_page, 1)
    assert coded(assignment) == both[:1]
    coding_page.keyboard.press("Shift+Z")
    passages(coding_page, 2)
    assert coded(assignment) == both
    coding_page.keyboard.press("Delete")
    passages(coding_page, 1)
    assert coded(assignment) == both[:1]


def test_an_in_vivo_code_takes_the_words_of_the_text(coding_page, assignment):
    drag_over(coding_page, "apologised 🙏 in public")
    coding_page.keyboard.press('"')
    coding_page.keyboard.press("Enter")
    coding_page.locator("#coding-passages li").wait_for()
    assert coded(assignment) == [("apologised 🙏 in public", "apologised 🙏 in public")]


def test_a_memo_the_whole_document_and_handing_in(coding_page, assignment):
    coding_page.keyboard.press("Control+Enter")
    error = coding_page.locator("#coding-error")
    error.wait_for()
    assert "choose the main value concerned and what a good answer would do" in error.text_content()
    coding_page.get_by_label("main: Misinformation and Factual Hallucinations").check()
    coding_page.get_by_label("Bias, Discrimination, and Unfairness", exact=True).check()
    coding_page.get_by_label("Correct").check()
    coding_page.get_by_label("Output", exact=True).check()
    coding_page.get_by_label("Memo on").fill("The bot spoke for the firm 🙂.")
    coding_page.locator("h1").click()
    kept(coding_page)
    coding_page.reload()
    assert coding_page.get_by_label("Misinformation and Factual Hallucinations", exact=True).is_checked()
    assert coding_page.get_by_label("Memo on").input_value() == "The bot spoke for the firm 🙂."
    coding_page.get_by_role("button", name="Submit and go on").click()
    coding_page.wait_for_url("**/code/")
    done = Assignment.objects.get(pk=assignment.pk)
    assert (done.status, done.stance, done.lifecycle_stage) == ("submitted", "correct", "output")
    assert {each.category.key: each.is_main for each in done.categories.all()} == {"misinfo": True, "bias": False}
    assert Memo.objects.get().text == "The bot spoke for the firm 🙂."


def test_nothing_of_another_coder_is_on_the_page(page, sign_in, assignment, annotator):
    other = make_account("annotator", username="bo")
    theirs = make_assignment(round=assignment.round, document=assignment.document, user=other)
    secret = make_coding(theirs, "refunds", code=make_code(
        assignment.round.codebook, name="hidden thought", created_by=coder_of(other), created_in=assignment.round
    ))
    sign_in(annotator, PASSWORD)
    page.goto(f"/code/{assignment.pk}/")
    assert "hidden thought" not in page.content()
    assert marked(page) == []
    assert page.goto(f"/code/{theirs.pk}/").status == 403
    answer = page.request.post(
        f"/code/{assignment.pk}/remove/", data={"coding": secret.pk},
        headers={"X-CSRFToken": next(c["value"] for c in page.context.cookies() if c["name"] == "csrftoken"),
                 "Referer": page.url},
    )
    assert "hidden thought" not in answer.text()
    assert Coding.objects.filter(pk=secret.pk).exists()


def test_on_a_phone_nothing_scrolls_sideways_and_the_bar_stays(coding_page, assignment, shot):
    make_coding(assignment, "客服机器人 is a person")
    coding_page.set_viewport_size({"width": 390, "height": 800})
    coding_page.reload()
    assert coding_page.evaluate("document.documentElement.scrollWidth") <= 390
    assert coding_page.get_by_role("navigation", name="While coding").is_visible()
    shot(coding_page, "coding")
