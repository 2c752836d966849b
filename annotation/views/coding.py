"""The coding pages: my queue, one document, and the small JSON answers its script asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST

from annotation.actions.create_code import create_code
from annotation.actions.describe_document import set_categories, set_lifecycle, set_stance
from annotation.actions.mark_passage import mark_passage, remove_coding
from annotation.actions.submit_assignment import reopen_assignment, submit_assignment
from annotation.actions.write_memo import write_memo
from annotation.models import Assignment, Round
from annotation.querysets import visible_assignments
from annotation.views.coding_state import CodingState
from gvsir.exceptions import GvsirError, PermissionRefusedError
from gvsir.permissions import action_required, allowed

MOST_BYTES: Final = 100_000


@action_required("assignment.code")
def queue(request: HttpRequest) -> HttpResponse:
    """Show the documents that wait for this coder, by round."""
    mine = (
        Assignment.objects.filter(coder__user=request.user.pk)
        .select_related("round", "document__incident")
        .order_by("round__status", "-round_id", "order", "pk")
    )
    rounds: dict[int, dict[str, Any]] = {}
    for assignment in mine:
        entry = rounds.setdefault(assignment.round_id, {"round": assignment.round, "assignments": [], "submitted": 0})
        entry["assignments"].append(assignment)
        entry["submitted"] += assignment.status == Assignment.Status.SUBMITTED
    for entry in rounds.values():
        waiting = [each for each in entry["assignments"] if each.status != Assignment.Status.SUBMITTED]
        entry["next"] = waiting[0] if waiting and entry["round"].status == Round.Status.OPEN else None
        entry["left"] = len(waiting)
    closed = [entry for entry in rounds.values() if entry["round"].status == Round.Status.CLOSED]
    opened = [entry for entry in rounds.values() if entry["round"].status == Round.Status.OPEN]
    latest = Round.objects.filter(status=Round.Status.CLOSED).first()
    return render(
        request, "annotation/coding_queue.html", {"open_rounds": opened, "closed_rounds": closed, "latest": latest}
    )


@action_required("assignment.code")
@ensure_csrf_cookie
def assignment_code(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show one document to its coder; of a closed round everybody reads the round's page instead."""
    assignment = get_object_or_404(
        Assignment.objects.select_related("round__codebook", "document__incident__source", "coder"), pk=pk
    )
    if assignment.coder.user_id != request.user.pk:
        if assignment.round.status == Round.Status.CLOSED and visible_assignments(request.user).filter(pk=pk).exists():
            return redirect("round_document", assignment.round_id, assignment.document_id)
        raise PermissionDenied("assignment.code")
    state = CodingState(assignment, request.user)
    return render(
        request,
        "annotation/assignment_code.html",
        {"assignment": assignment, "state": state, "incident": assignment.document.incident, "data": state.as_json()},
    )


def _mark(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    coding = mark_passage(
        assignment_id=pk, start_codepoint=_integer(data, "start"), end_codepoint=_integer(data, "end"),
        quote=_text(data, "quote"), code_id=_integer(data, "code"), actor=request.user,
    )
    return {"coding": coding.pk}


def _remove(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    remove_coding(assignment_id=pk, coding_id=_integer(data, "coding"), actor=request.user)
    return {}


def _code(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    """Make a code, and if a passage comes with it give the passage that code, both or neither."""
    with transaction.atomic():
        code = create_code(
            assignment_id=pk, name=_text(data, "name"), category_key=_text(data, "category"), actor=request.user
        )
        marked = _mark(request, pk, {**data, "code": code.pk}) if "start" in data else {}
    return {"code": code.pk, **marked}


def _categories(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    others = data.get("others", [])
    if not isinstance(others, list) or not all(isinstance(each, str) for each in others):
        raise _BadRequestError("others must be a list of category keys.")
    set_categories(assignment_id=pk, main=_text(data, "main") or None, others=others, actor=request.user)
    return {}


def _stance(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    set_stance(assignment_id=pk, stance=_text(data, "stance"), actor=request.user)
    return {}


def _lifecycle(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    set_lifecycle(assignment_id=pk, stage=_text(data, "stage"), actor=request.user)
    return {}


def _memo(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    memo = write_memo(
        assignment_id=pk, text=_text(data, "text"), text_zh=_text(data, "text_zh"), kind=_text(data, "kind") or "analytic",
        coding_id=_integer(data, "coding") if data.get("coding") else None, actor=request.user,
    )
    return {"memo": memo.pk if memo else None}


def _submit(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    done = submit_assignment(assignment_id=pk, actor=request.user)
    waiting = (
        Assignment.objects.filter(round=done.round_id, coder=done.coder_id)
        .exclude(status=Assignment.Status.SUBMITTED)
        .order_by("order", "pk")
    )
    following = waiting.filter(order__gte=done.order).first() or waiting.first()
    return {"next": following.get_absolute_url() if following else reverse("coding_queue")}


def _reopen(request: HttpRequest, pk: int, data: dict[str, Any]) -> dict[str, Any]:
    reopen_assignment(assignment_id=pk, actor=request.user)
    return {"next": reverse("assignment_code", args=[pk])}


VERBS: Final[dict[str, Callable[[HttpRequest, int, dict[str, Any]], dict[str, Any]]]] = {
    "mark": _mark,
    "remove": _remove,
    "code": _code,
    "categories": _categories,
    "stance": _stance,
    "lifecycle": _lifecycle,
    "memo": _memo,
    "submit": _submit,
    "reopen": _reopen,
}


class _BadRequestError(GvsirError):
    """The request is not what the page sends."""

    code = "bad_request"


@require_POST
def change(request: HttpRequest, pk: int, verb: str) -> JsonResponse:
    """Do one change and answer with the new state, or with a plain sentence why not."""
    if verb not in VERBS:
        raise Http404
    if not allowed(request.user, "assignment.code"):
        signed_in = request.user.is_authenticated
        message = gettext("Your role does not allow coding.") if signed_in else gettext("Sign in to go on; nothing was lost.")
        return _refusal("permission_denied", message, 403 if signed_in else 401)
    try:
        answer = VERBS[verb](request, pk, _parsed(request))
    except Assignment.DoesNotExist:
        return _refusal("not_found", gettext("There is no such document."), 404)
    except PermissionRefusedError as error:
        return _refusal(error.code, str(error), 403)
    except _BadRequestError as error:
        return _refusal(error.code, str(error), 400)
    except GvsirError as error:
        return _refusal(error.code, str(error), 409)
    assignment = Assignment.objects.select_related("round__codebook", "document__incident", "coder").get(pk=pk)
    state = CodingState(assignment, request.user)
    context = {"state": state, "assignment": assignment}
    fragments = {
        name: render_to_string(f"annotation/_coding_{name}.html", context, request)
        for name in ("text", "passages", "codebook")
    }
    return JsonResponse({"state": state.as_json(), "html": fragments, **answer})


def _refusal(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message, "fields": {}}}, status=status)


def _parsed(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MOST_BYTES:
        raise _BadRequestError(gettext("The request is too long."))
    try:
        data = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise _BadRequestError("The request is not JSON.") from error
    if not isinstance(data, dict):
        raise _BadRequestError("The request is not a JSON object.")
    return data


def _integer(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53:
        raise _BadRequestError(f"{key} must be a whole number.")
    return value


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str) or "\x00" in value or not _can_be_kept(value):
        raise _BadRequestError(f"{key} must be text.")
    return value


def _can_be_kept(text: str) -> bool:
    """Return whether ``text`` can be written as UTF-8: JSON may name half a surrogate pair."""
    return not any(0xD800 <= ord(each) <= 0xDFFF for each in text)
