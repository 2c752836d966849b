"""Chinese everywhere: complete catalogs, compiled as they stand, and pages without a leftover English sentence."""

from __future__ import annotations

import ast
import re
import string
from collections import Counter
from functools import cache
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils.translation.template import templatize
from lxml import html

from annotation.models import Assignment, Round
from bench.models import LanguageModel, Measurement
from gvsir.models import Report
from tests.factories.annotation import make_assignment
from tests.factories.api_world import make_world
from tests.factories.bench import make_label_sample, make_measurement
from tests.factories.gvsir import make_dimension, make_user, make_value_system

ROOT = Path(__file__).resolve().parents[2]
APPS = ("gvsir", "annotation", "bench")
TEMPLATE_KINDS = {".html", ".svg", ".txt"}
PLURALS = {"ngettext", "ngettext_lazy"}
FUNCTIONS = {"gettext", "gettext_lazy", "gettext_noop", *PLURALS}
#: A call in what Django's templatize makes of a template: one string, or singular and plural.
TEMPLATE_CALL = re.compile(
    r"""\b(n?gettext|_)\(\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))(?:\s*,\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")))?""",
    re.DOTALL,
)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*(?:![rs])?\}|</?\w+[^>]*>|%%")
FIELD = re.compile(r"\{\w+\}")
#: Where a reader's language shows: seen on every page.
SHELL = {"事件", "编码", "基准", "排行榜", "统计"}
PAGES = {
    "overview", "about", "incident_list", "report_list", "incident_detail", "coding_queue", "assignment_code", "codebook_detail",
    "code_detail", "round_list", "round_detail", "round_document", "round_open", "statistics", "coded_incidents",
    "item_list", "item_detail", "release_list", "release_detail", "run_list", "run_detail", "response_detail",
    "score_list", "score_detail", "leaderboard_index", "leaderboard", "compare", "language_model_detail",
    "provenance", "label_queue", "label_task", "label_sample_detail", "label_sample_new", "run_calls",
    "account_change_password", "mfa_index",
}


def catalog(app: str) -> polib.POFile:
    return polib.pofile(str(ROOT / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"))


def translations(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def strings_of_templates(app: str) -> set[tuple[str, str]]:
    """Return (msgid, plural or "") of every string a template of ``app`` marks."""
    found = set()
    for path in sorted((ROOT / app).rglob("templates/**/*")):
        if path.suffix in TEMPLATE_KINDS:
            source = templatize(path.read_text(encoding="utf-8"), origin=str(path))
            for _function, first, second in TEMPLATE_CALL.findall(source):
                found.add((ast.literal_eval(first), ast.literal_eval(second) if second else ""))
    return found


def strings_of_code(app: str) -> set[tuple[str, str]]:
    """Return (msgid, plural or "") of every string the Python of ``app`` marks."""
    found = set()
    for path in sorted((ROOT / app).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
            for alias in node.names
            if alias.name in FUNCTIONS
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                wanted = 2 if names[node.func.id] in PLURALS else 1
                given = [each.value for each in node.args[:wanted] if isinstance(each, ast.Constant)]
                if len(given) == wanted:
                    found.add((given[0], given[1] if wanted == 2 else ""))
    return found


def strings_of(app: str) -> set[tuple[str, str]]:
    return strings_of_templates(app) | strings_of_code(app)


@pytest.mark.parametrize("app", APPS)
def test_every_string_is_translated_and_none_is_fuzzy(app):
    entries = catalog(app)
    assert len(entries) > 50
    assert [each.msgid for each in entries if not all(translations(each)) or not translations(each)] == []
    assert [each.msgid for each in entries if each.fuzzy or each.obsolete] == []
    assert not entries.metadata_is_fuzzy
    assert entries.metadata["Plural-Forms"] == "nplurals=1; plural=0;"
    assert [each.msgid for each in entries if each.msgid_plural and list(each.msgstr_plural) != [0]] == []


@pytest.mark.parametrize("app", APPS)
def test_placeholders_and_markup_survive_translation(app):
    wrong = [
        (each.msgid, text)
        for each in catalog(app)
        for text in translations(each)
        if Counter(PLACEHOLDER.findall(text)) != Counter(PLACEHOLDER.findall(each.msgid_plural or each.msgid))
    ]
    assert wrong == []


@pytest.mark.parametrize("app", APPS)
def test_compiled_catalog_is_what_the_text_compiles_to(app):
    text = catalog(app)
    compiled = polib.mofile(str(ROOT / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo"))

    def content(entries):
        return {(each.msgctxt, each.msgid, each.msgid_plural): translations(each) for each in entries}

    assert content(compiled) == content(text)
    assert compiled.metadata == text.metadata


@pytest.mark.parametrize("app", APPS)
def test_every_marked_string_is_in_the_catalog_of_its_app(app):
    marked = strings_of(app)
    assert len(marked) > 50
    listed = {(each.msgid, each.msgid_plural or "") for each in catalog(app)}
    assert sorted(marked - listed) == [], "run makemessages -l zh_Hans -e html,svg,txt,py in the app, and translate"
    assert sorted(listed - marked) == [], "run makemessages -l zh_Hans -e html,svg,txt,py --no-obsolete in the app"


def test_one_english_sentence_has_one_chinese_one():
    # Django merges the catalogs of all apps: the first app that has a sentence decides for every page.
    seen: dict[str, set[str]] = {}
    for app in APPS:
        for each in catalog(app):
            seen.setdefault(each.msgid, set()).update(translations(each))
    assert {msgid: texts for msgid, texts in seen.items() if len(texts) > 1} == {}


def test_no_string_is_looked_up_alone_and_by_number():
    # A catalog has one entry for both, and on some versions of Python only the lookup by number finds it.
    marked = set().union(*(strings_of(app) for app in APPS))
    assert {one for one, several in marked if not several} & {one for one, several in marked if several} == set()


@pytest.mark.parametrize("app", APPS)
def test_listed_sentences_are_still_said_somewhere(app):
    """What ``shown_sentences`` lists for pure modules and shipped data is there, word for word."""
    listed = set()
    for node in ast.walk(ast.parse((ROOT / app / "shown_sentences.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
            listed.add(node.args[0].value)
    sources = [path for each in APPS for path in (ROOT / each).rglob("*.py") if path.name != "shown_sentences.py"]
    said = {
        text
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (text := _text_of(node)) is not None
    }
    shipped = (ROOT / "fixtures" / "coding" / "demonstration.json").read_text(encoding="utf-8")
    gone = {
        text for text in listed - said
        if text.replace(" ", "_") not in said and text not in shipped and FIELD.sub("{}", text) not in said
    }
    assert len(listed) > 4
    assert gone == set()


def _text_of(node: ast.AST) -> str | None:
    """Return a string of the code; of one with changing parts, with braces in their places."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_scripts_hold_no_words_of_their_own():
    """Scripts take what they say from the page, where it is translated."""
    sentence = re.compile(r"""["'`][A-Z][a-z]+(?: [a-z]+)+[^"'`]*["'`]""")
    scripts = [path for app in APPS for path in sorted((ROOT / app / "static").rglob("*.js"))]
    assert scripts
    said = {path.name: sentence.findall(_without_comments(path.read_text(encoding="utf-8"))) for path in scripts}
    assert {name: found for name, found in said.items() if found} == {}


def _without_comments(script: str) -> str:
    return re.sub(r"(?m)(^|\s)//.*$|/\*.*?\*/", "", script, flags=re.DOTALL)


# --- pages -----------------------------------------------------------------------------------------------


@cache
def english() -> tuple[frozenset[str], re.Pattern[str]]:
    """Return the source sentences that have another Chinese text: whole ones, and a pattern of those with gaps."""
    whole, gaps = set(), []
    for app in APPS:
        for entry in catalog(app):
            for msgid in filter(None, (entry.msgid, entry.msgid_plural)):
                plain = re.sub(r"<[^>]+>", "", msgid).replace("%%", "%")
                if msgid in translations(entry) or not set(plain) & set(string.ascii_letters):
                    continue
                pieces = re.split(r"%\(\w+\)[sd]|\{\w*(?:![rs])?\}", plain)
                if len(pieces) == 1:
                    whole.add(plain)
                elif re.search(r"[a-z]{3}", "".join(pieces)):
                    gaps.append(".+?".join(re.escape(each) for each in pieces))
    return frozenset(whole), re.compile("|".join(gaps))


def left_in_english(page: str) -> list[str]:
    """Return the texts and labels of a page that are English source strings, outside of what is marked English."""
    root = html.fromstring(page)
    texts = []
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag in {"script", "style", "kbd", "code", "pre"}:
            continue
        language = next((each.get("lang") for each in (element, *element.iterancestors()) if each.get("lang")), "")
        if language.startswith("zh"):
            texts += [element.text, *(child.tail for child in element)]
            texts += [element.get(name) for name in ("title", "aria-label", "placeholder", "alt")]
    whole, gaps = english()
    shown = {" ".join(text.split()) for text in texts if text and text.strip()}
    return sorted(text for text in shown - names() if text in whole or gaps.fullmatch(text))


def names() -> set[str]:
    """Return names of records, which stay as they are and may look like a sentence of ours."""
    named = ((Round, "name"), (Report, "title"), (Measurement, "name"), (LanguageModel, "name"))
    return {each for model, field in named for each in model.objects.values_list(field, flat=True)}


def links_of(page: str) -> list[str]:
    return [href.split("#")[0] for href in html.fromstring(page).xpath("//main//a/@href | //header//a/@href")]


def walk(client, *starts: str, most_of_a_kind: int) -> dict[str, list[tuple[str, str]]]:
    """Follow links, reading Chinese; return the pages seen, as (address, content) by the name of their URL."""
    pages: dict[str, list[tuple[str, str]]] = {}
    waiting, seen = list(starts), set(starts)
    while waiting:
        address = waiting.pop(0)
        try:
            name = resolve(address.split("?")[0]).url_name or ""
        except Resolver404:
            continue
        if len(pages.get(name, [])) >= most_of_a_kind or address.startswith("/api/"):
            continue
        answer = client.get(address, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"})
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = answer.content.decode()
        pages.setdefault(name, []).append((address, page))
        for link in links_of(page):
            absolute = link if link.startswith("/") else address.split("?")[0] + link if link.startswith("?") else ""
            if absolute and absolute not in seen:
                seen.add(absolute)
                waiting.append(absolute)
    return pages


@pytest.fixture
def curator(client, db):
    """The client of a curator with work to do, in a repository with one of everything."""
    user = make_user("curator")
    make_label_sample(make_world().run)
    make_measurement({make_dimension(make_value_system("schwartz")): {"A published model": 40.0}})
    make_assignment(user=user)
    client.force_login(user)
    return client


def test_pages_in_chinese_hold_no_english_sentence_of_ours(curator):
    read = Assignment.objects.filter(round__status="closed", status="submitted").latest("pk")
    starts = ("/", "/bench/labels/", f"/rounds/{read.round_id}/documents/{read.document_id}/")
    pages = walk(curator, *starts, most_of_a_kind=2)
    assert set(pages) >= PAGES
    left = {address: left_in_english(page) for found in pages.values() for address, page in found}
    assert {address: texts for address, texts in left.items() if texts} == {}
    for found in pages.values():
        for _address, page in found:
            assert set(html.fromstring(page).xpath("//header//nav/a/text()")) == SHELL


def test_english_page_would_be_noticed(curator):
    page = curator.get("/", headers={"accept-language": "en"}).content.decode().replace('lang="en"', 'lang="zh"')
    assert {"Overview", "Incidents", "Newest incidents", "The chain"} <= set(left_in_english(page))


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/", "/incidents/", "/about/", "/statistics/", "/leaderboard/", "/accounts/login/"])
def test_language_cookie_goes_before_the_browsers_language(client, address):
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    page = client.get(address, headers={"accept-language": "en"}).content.decode()
    assert html.fromstring(page).get("lang") == "zh-hans"
    assert set(html.fromstring(page).xpath("//header//nav/a/text()")) == SHELL
    assert left_in_english(page) == []


@pytest.mark.django_db
def test_anonymous_pages_and_refusals_are_in_chinese(client):
    world = make_world()
    pages = walk(client, "/", most_of_a_kind=3)
    left = {address: left_in_english(page) for found in pages.values() for address, page in found}
    assert {address: texts for address, texts in left.items() if texts} == {}
    folded = client.get(world.folded.get_absolute_url(), headers={"accept-language": "zh-CN"}).content.decode()
    assert "描述已折叠：暴力" in folded
    missing = client.get("/nothing/", headers={"accept-language": "zh-CN"})
    assert missing.status_code == 404
    assert "此地址没有内容" in missing.content.decode()
    client.force_login(make_user("annotator"))
    refused = client.get("/rounds/open/", headers={"accept-language": "zh-CN"})
    assert refused.status_code == 403
    assert "您的角色无权进行此操作" in refused.content.decode()


@pytest.mark.django_db
def test_refusals_of_an_action_are_said_in_chinese(client):
    user = make_user("annotator")
    assignment = make_assignment(user=user)
    client.force_login(user)
    answer = client.post(
        f"/code/{assignment.pk}/submit/", "{}", content_type="application/json", headers={"accept-language": "zh-CN"}
    )
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "尚未提交：请选择涉及的主要价值和好的回答应当怎样做。其他内容均已保存。"
