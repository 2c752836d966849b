"""A run watched live: paused, its worker killed, taken over, accounted for, labelled, followed to the sentence."""

from __future__ import annotations

import re

import pytest

from tests.e2e.live_site import LiveSite, fresh_database, wait_until
from tests.e2e.live_world import (
    ANNOTATOR,
    CATEGORIES,
    CONCURRENCY,
    JUDGE,
    N_ITEMS,
    QUOTE,
    RESEARCHER,
    SUBJECT,
    category_of_ruling,
)
from tests.factories.gvsir import PASSWORD
from tests.fake_server import Behaviour, running

#: The question that fails however often it is put, and the one whose verdict cannot be read.
FAILING, UNREADABLE = 13, 77
DRAWN_PER_CATEGORY = 4
#: Answers that may be on the way from the endpoint to the database when a process is killed, beyond those in flight.
UNRECORDED = 16
_RULING = re.compile(r"ruling (\d+) of")
_NUMBER = re.compile(r"\d[\d,]*")


def judge_value(ruling):
    """What the judge makes of the answer about a ruling; None where it says nothing readable."""
    return None if ruling == UNREADABLE else 2 + ruling % 7


def reply(body):
    """What the endpoint says: as the model that answers, or as the judge."""
    text = "\n".join(str(message["content"]) for message in body["messages"])
    ruling = int(_RULING.search(text)[1])
    if body["model"] == SUBJECT:
        return f"I know of no ruling {ruling}, and will not invent one."
    value = judge_value(ruling)
    return "I would rather not give a number." if value is None else f"Score: {value}/10\nBrief reason: it cites nothing."


@pytest.fixture
def endpoint():
    behaviour = Behaviour(
        latency=0.2, faults={"rate_limited": 0.04, "server_error": 0.04}, most_faults_per_prompt=1,
        fail_prompts_with=f"ruling {FAILING} of", reply=reply,
    )
    with running(behaviour) as server:
        yield server


@pytest.fixture
def site(browser, endpoint, tmp_path):  # the browser first: without one there is nothing to start
    with fresh_database(tmp_path) as database_url:
        started = LiveSite(tmp_path, database_url)
        try:
            wait_until_served = started.serve()
            started.prepare("tests.e2e.live_world", endpoint.base_url)
            wait_until_served()
            yield started
        finally:
            started.close()
            print(started.logs())  # pytest shows it where the test failed


@pytest.fixture
def person(browser, site):
    """``person(name)``: a signed-in browser of their own; a script error on any of their pages fails the test."""
    tabs, errors = [], []

    def signed_in(name):
        context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900}, locale="en-GB")
        context.set_default_timeout(30_000)
        tab = context.new_page()
        tabs.append(tab)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto("/accounts/login/")
        tab.get_by_label("Username").fill(name)
        tab.get_by_label("Password", exact=True).fill(PASSWORD)
        tab.locator("main button[type=submit]").click()
        tab.locator(".topbar .account summary", has_text=name).first.wait_for()
        return tab

    yield signed_in
    for tab in tabs:
        print(tab.url, tab.locator("body").inner_text()[:2000], sep="\n")  # pytest shows it where the test failed
        tab.context.close()
    assert errors == []


# ------------------------------------------------------------------ reading the page of a run


def numbers(page, places):
    """The sum of what stands at the live places whose name fits the selector."""
    return sum(
        int(each.replace(",", "")) for text in page.locator(places).all_inner_texts() for each in _NUMBER.findall(text)
    )


def progress(page):
    """What the page shows now: calls sent, questions answered, verdicts."""
    return {
        "sent": numbers(page, "[data-live=sent]"),
        "answered": numbers(page, "[data-live^=subject-][data-live$=-done]"),
        "judged": numbers(page, "[data-live^=judge-][data-live$=-done]"),
    }


def next_reading(page):
    """Wait until the page has asked for news once more."""
    page.wait_for_event("response", lambda response: response.url.endswith("/progress.json"))


def wait_for(page, condition, readings=40):
    """Wait until what the page shows fulfils the condition, without a reload."""
    for _ in range(readings):
        shown = progress(page)
        if condition(shown):
            return shown
        next_reading(page)
    raise AssertionError(f"the page still shows {shown}")


def mark(page):
    """Leave a trace in the page that a reload would wipe out."""
    page.evaluate("() => { window.wasMarked = true; }")


def is_marked(page):
    return page.evaluate("() => window.wasMarked === true")


# ------------------------------------------------------------------ the steps


def make_run(page, endpoint):
    """A researcher queues a run with two judges on the page of runs."""
    page.goto("/bench/runs/")
    assert page.get_by_text("No run yet").is_visible()
    page.locator(f"input[name=models][value='{SUBJECT}@{endpoint.base_url}']").check()
    page.locator(f"input[name=judges][value='{JUDGE}@{endpoint.base_url}']").check()
    assert page.locator("input[name=judges][value=heuristic]").is_checked()
    page.get_by_role("button", name="Queue the run").click()
    page.wait_for_url(re.compile(r"/bench/runs/\d+/"))
    assert page.locator("#run[data-status=queued]").count() == 1
    assert page.get_by_text("gvsir worker").is_visible()


def watch(page):
    """The numbers grow, without a reload, until the page has shown three more states of the run."""
    mark(page)
    shown = progress(page)
    for _ in range(3):
        before = shown
        shown = wait_for(page, lambda now, before=before: now["sent"] > before["sent"])
        assert shown["answered"] >= before["answered"]
        assert shown["judged"] >= before["judged"]
    assert page.locator("#run[data-status=running]").count() == 1
    assert shown["answered"] > 0
    assert shown["judged"] > 0
    assert is_marked(page)


def pause(page, endpoint):
    """Once what was on its way has come in, nothing moves: neither the numbers nor the endpoint."""
    page.get_by_role("button", name="Pause").click()
    page.locator("#run[data-status=paused]").wait_for()
    assert page.get_by_text(f"Paused by {RESEARCHER}.").is_visible()
    wait_for(page, lambda _: page.locator("[data-live=rate]").inner_text() == "" and endpoint.server.in_flight == 0)
    still = progress(page)
    assert still["sent"] == endpoint.received
    for _ in range(2):
        next_reading(page)
    assert progress(page) == still
    assert endpoint.received == still["sent"]
    assert still["answered"] < N_ITEMS


def kill_and_take_over(page, endpoint, site, worker):
    """The worker is killed with calls in flight; another goes on. Return how many calls nobody could record."""
    page.get_by_role("button", name="Resume").click()
    wait_for(page, lambda now: now["answered"] >= N_ITEMS // 2)
    wait_until(lambda: endpoint.server.in_flight >= CONCURRENCY - 1)
    site.kill(worker)
    wait_until(lambda: endpoint.server.in_flight == 0)
    received = endpoint.received
    next_reading(page)
    next_reading(page)
    at_kill = progress(page)
    assert at_kill["answered"] < N_ITEMS
    lost = received - at_kill["sent"]
    assert 0 <= lost <= CONCURRENCY + UNRECORDED
    mark(page)
    site.worker()
    page.locator("#run[data-status=finished]").wait_for(timeout=45_000)
    assert page.locator("[data-status-word]").inner_text() == "finished"
    assert page.get_by_role("button", name="Pause").is_hidden()
    assert is_marked(page)
    return lost


def check_account(page, endpoint, lost):
    """Every call of the endpoint stands on the page, but those that nobody could record; every trial has an end."""
    page.reload()
    counts = endpoint.server.counts
    assert numbers(page, "[data-live=sent]") == endpoint.received - lost
    assert page.get_by_text(f"at most {CONCURRENCY} calls were on their way").is_visible()
    failed = numbers(page, "[data-live$=-failures]")
    assert counts["rate_limited"] > 0
    assert 0 <= counts["rate_limited"] + counts["server_error"] - failed <= lost
    ends = {
        place: numbers(page, f"[data-live={place}]")
        for group in ("responses-{}", "judgements-{}")
        for place in map(group.format, ("answered", "refused", "failed", "missing", "scored", "unparsable"))
        if page.locator(f"[data-live={place}]").count()
    }
    assert ends == {
        "responses-answered": N_ITEMS - 1, "responses-refused": 0, "responses-failed": 1, "responses-missing": 0,
        # Two judges; what was not answered is not judged.
        "judgements-scored": 2 * (N_ITEMS - 1) - 1, "judgements-unparsable": 1, "judgements-failed": 0,
        "judgements-refused": 0,
        "judgements-missing": 2,
    }


def open_failed_call(page, run_path):
    """The response that failed says why, and which calls were made for it."""
    page.get_by_role("link", name="failed after retries (1)").click()
    page.locator("table a", has_text="failed after retries").click()
    page.wait_for_url("**/bench/responses/*/")
    assert f"ruling {FAILING} of" in page.locator("main").inner_text()
    assert "The server had an error" in page.locator(".empty", has_text="No text came back").inner_text()
    calls = page.locator("aside li", has_text="server error")
    assert calls.count() >= 5
    assert "500" in calls.first.inner_text()
    page.goto(run_path)
    page.get_by_role("link", name="every one of them").click()
    assert "rate limited" in page.locator("tbody").inner_text()
    assert "server error" in page.locator("tbody").inner_text()
    page.goto(run_path)


def draw_sample(page):
    """From the page of the run to a sample that nobody has labelled."""
    page.get_by_role("link", name="Draw a sample to label").click()
    page.locator("#id_per_stratum").fill(str(DRAWN_PER_CATEGORY))
    page.locator("#id_strata_by").select_option("category")
    page.locator("#id_least_labels").fill(str(DRAWN_PER_CATEGORY - 1))
    page.get_by_role("button", name="Draw the sample").click()
    page.wait_for_url(re.compile(r"/bench/labels/samples/\d+/$"))
    assert page.get_by_text("judge not validated against people").count() == 2
    assert f"0 of {DRAWN_PER_CATEGORY - 1} labels needed" in page.locator("#corrected").inner_text()


def ruling_on(page):
    return int(_RULING.search(page.locator("main").text_content())[1])


def give(page, value):
    """Label the response on the page by keyboard and go on."""
    before = page.url
    page.keyboard.press(str(value))
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)


def label(page):
    """An annotator labels the whole sample by keyboard; return the labels by ruling."""
    page.goto("/bench/labels/")
    page.get_by_role("link", name="Go on labelling").click()
    given = {}
    while not page.url.endswith("/bench/labels/"):
        page.locator("#label-form").wait_for()
        assert JUDGE not in page.locator("main").inner_text()
        ruling = ruling_on(page)
        given[ruling] = (3 * ruling) % 9
        give(page, given[ruling])
    assert len(given) == 2 * DRAWN_PER_CATEGORY
    return given


def relabel(page, given):
    """The annotator changes the newest label; return the ruling it was about, and the labels now."""
    page.locator("summary", has_text="Your labels, newest first").click()
    page.locator("details[open] tbody th a").first.click()
    page.locator("#label-form").wait_for()
    ruling = ruling_on(page)
    assert page.locator("input[name=value]:checked").get_attribute("value") == str(given[ruling])
    value = 9 if given[ruling] < 5 else 0
    give(page, value)
    return ruling, given | {ruling: value}


def shown_agreement(page):
    """The mean absolute difference between judge and people, as the page of the sample has it."""
    heads = page.locator("#agreement thead th").all_inner_texts()
    column = next(place for place, head in enumerate(heads) if head.startswith(JUDGE))
    row = page.locator("#agreement tr", has_text="Mean absolute difference")
    return float(row.locator("td").nth(column - 1).inner_text())


def expected_difference(given):
    judged = [(value, judge_value(ruling)) for ruling, value in given.items() if judge_value(ruling) is not None]
    return sum(abs(person - judge) for person, judge in judged) / len(judged)


def n_counted(given, category):
    """How many labels stand beside a score; the draw may hold the response whose score is missing."""
    return sum(category_of_ruling(ruling) == category and ruling != UNREADABLE for ruling in given)


def corrected(page, category, given):
    """As judged, put right, of the category's row."""
    cells = page.locator("#corrected tr", has_text=CATEGORIES[category]).locator("td").all_inner_texts()
    assert cells[4] == str(n_counted(given, category))
    return tuple(float(cell.split()[0]) for cell in cells[1:3])


def follow_to_the_sentence(page, run_path):
    """From the leaderboard that the run leads to, by links alone, to the sentence."""
    page.goto(run_path)
    page.locator("a.b", has_text="Leaderboard").click()
    row = page.locator("table.models tbody tr", has_text=SUBJECT)
    heads = page.locator("table.models thead th").all_inner_texts()
    column = next(place for place, head in enumerate(heads) if "Misinformation" in head)
    row.locator("td").nth(column - 1).locator("a").first.click()
    page.wait_for_url("**/bench/scores/?**")
    assert f"{N_ITEMS // 2 - 1} with a value" in page.locator(".facts").inner_text()
    page.locator("tbody th a").first.click()
    page.wait_for_url(re.compile(r"/bench/scores/\d+/$"))
    page.get_by_role("link", name="Where this number comes from").click()
    page.locator("ol.trail").wait_for()
    assert page.locator("ol.trail > li.broken").count() == 0
    assert page.locator("#sentence mark").inner_text() == QUOTE


def test_a_run_is_watched_paused_killed_taken_over_labelled_and_followed_to_the_sentence(person, site, endpoint):
    page = person(RESEARCHER)
    make_run(page, endpoint)
    run_path = page.url.partition("#")[0]
    worker = site.worker()
    watch(page)
    pause(page, endpoint)
    lost = kill_and_take_over(page, endpoint, site, worker)
    check_account(page, endpoint, lost)
    open_failed_call(page, run_path)

    draw_sample(page)
    annotator = person(ANNOTATOR)
    given = label(annotator)
    page.reload()
    assert page.get_by_text("judge not validated against people").count() == 0
    assert shown_agreement(page) == pytest.approx(expected_difference(given), abs=0.006)
    before = {category: corrected(page, category, given) for category in CATEGORIES}
    changed, now_given = relabel(annotator, given)
    page.reload()
    assert shown_agreement(page) == pytest.approx(expected_difference(now_given), abs=0.006)
    after = {category: corrected(page, category, given) for category in CATEGORIES}
    # Every response of a category has the same chance: a label moves the corrected mean by its share of the labels.
    for category in CATEGORIES:
        is_moved = category == category_of_ruling(changed) and changed != UNREADABLE
        moved = (now_given[changed] - given[changed]) / n_counted(given, category) if is_moved else 0.0
        assert after[category][0] == before[category][0]
        assert after[category][1] - before[category][1] == pytest.approx(moved, abs=0.011)

    follow_to_the_sentence(page, run_path)
