"""What changes on the page of a run while it is executed, as text ready to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bench.accounting import Line, RunAccount
from bench.endpoints import IN_PROCESS
from bench.models import Executor, Run
from bench.pace import duration, pace_words, paces_of
from gvsir.stored_sentences import in_readers_language

#: A process that executes a run says every second that it lives; after so many without a word its numbers are old.
_SILENT_AFTER = 5


def live_values(run: Run, account: RunAccount) -> dict[str, Any]:
    """Return the run's status, its texts by place on the page, and its bars by place as (done, total)."""
    executors = run.executors.filter(ended_at__isnull=True, lease_until__gt=timezone.now())
    silence = max((seconds for each in executors if (seconds := _silence(each)) > _SILENT_AFTER), default=0)
    heard = [each for each in executors if _silence(each) <= _SILENT_AFTER]
    lanes = _lanes_of(heard)
    paces = paces_of(each.progress.get("asked", {}) for each in heard)
    texts: dict[str, str] = {
        "status-reason": in_readers_language(run.status_reason),
        "sent": f"{account.sent:,}",
        "retried": f"{account.retried:,}",
        "failed": f"{account.responses['failed'] + account.judgements['failed']:,}",
        "cost": account.cost.short(),
        "cost-said": account.cost.sentence(),
        "seconds": duration(account.seconds),
        "rate": " · ".join(filter(None, [_rate(lanes, account) if heard else "", _said_of(silence)])),
        "left": _left(account) if heard else "",
        "endpoints": _endpoints(lanes),
        "hint": _hint(run, is_executed=bool(executors)),
    }
    bars: dict[str, tuple[int, int]] = {}
    for place, lines in (("subject", account.subjects), ("judge", account.judges)):
        for line in lines:
            name = f"{place}-{line.key}"
            texts |= {f"{name}-{key}": text for key, text in line_texts(line).items()}
            texts[f"{name}-pace"] = pace_words(line, paces.get(name))
            bars[name] = (line.done, line.total)
    for group, counts in (("responses", account.responses), ("judgements", account.judgements)):
        texts |= {f"{group}-{state}": f"{number:,}" for state, number in counts.items()}
    return {"status": run.status, "texts": texts, "bars": bars}


def line_texts(line: Line) -> dict[str, str]:
    """Return the texts of one row of the account."""
    return {
        "done": f"{line.done:,}",
        "reused": f"{line.reused:,}",
        "sent": f"{line.sent:,}",
        "retried": f"{line.retried:,}",
        "failures": _counted(line.failures, outcome_words()),
        "states": _counted(line.states, state_words()),
        "tokens": f"{line.prompt_tokens + line.completion_tokens:,}" if line.sent else "—",
        "cost": line.cost.short() if line.sent else "—",
    }


def status_words() -> dict[str, str]:
    """Return each status of a run in words."""
    return {
        "queued": _("queued"), "running": _("running"), "paused": _("paused"), "finished": _("finished"),
        "cancelled": _("cancelled"), "failed": _("failed"),
    }


def state_words() -> dict[str, str]:
    """Return each state of a response or verdict in words."""
    return {
        "missing": _("not begun"), "pending": _("pending"), "answered": _("answered"),
        "refused": _("refused by the provider"), "content_filter": _("stopped by a content filter"),
        "length": _("cut at the length limit"), "scored": _("scored"), "profiled": _("read for a framework"),
        "unparsable": _("unparsable"), "unfit": _("not asked: it cannot take such an answer"),
        "failed": _("failed after retries"), "cancelled": _("cancelled"),
        "unrecorded": _("no recorded response"), "nothing_to_judge": _("nothing to judge"),
    }


def outcome_words() -> dict[str, str]:
    """Return each way a call can fail in words."""
    return {
        "rate_limited": _("rate limited"), "server_error": _("server error"), "dropped": _("connection lost"),
        "timeout": _("timed out"), "malformed": _("malformed reply"), "request_refused": _("request refused"),
        "refused_by_provider": _("refused by the provider"), "superseded": _("superseded"), "failed": _("failed"),
        "key_refused": _("key refused"), "quota_spent": _("account without money"), "broken_off": _("answer broken off"),
        "unreadable": _("unreadable verdict, asked for again"), "schema_refused": _("no schema accepted, asked without"),
    }


def _counted(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    return ", ".join(f"{number:,} {words.get(name, name)}" for name, number in counts.items()) or "—"


def _lanes_of(executors: Iterable[Executor]) -> list[dict[str, Any]]:
    """Return what each endpoint is asked by all processes together; it is waited for as long as the last one waits."""
    lanes: dict[str, dict[str, Any]] = {}
    for lane in (lane for executor in executors for lane in executor.progress.get("lanes", [])):
        known = lanes.setdefault(
            lane["name"], {"name": lane["name"], "in_flight": 0, "limit": 0, "retrying": 0, "paused_seconds": 0.0}
        )
        for name in ("in_flight", "limit", "retrying"):
            known[name] += lane[name]
        known["paused_seconds"] = max(known["paused_seconds"], lane["paused_seconds"])
    return list(lanes.values())


def _silence(executor: Executor) -> int:
    """Return for how many whole seconds ``executor`` has said nothing."""
    return max(0, int((timezone.now() - executor.heartbeat_at).total_seconds()))


def _said_of(silence: int) -> str:
    if not silence:
        return ""
    return ngettext(
        "no sign of life of a worker for {n} s", "no sign of life of a worker for {n} s", silence
    ).format(n=silence)


def _rate(lanes: list[dict[str, Any]], account: RunAccount) -> str:
    flying = sum(lane["in_flight"] for lane in lanes)
    per_second = account.sent / account.seconds if account.seconds else 0.0
    return _("{rate} calls/s, {flying} in flight").format(rate=f"{per_second:.1f}", flying=flying)


def _left(account: RunAccount) -> str:
    lines = account.subjects + account.judges
    done, total = sum(line.done - line.reused for line in lines), sum(line.total - line.reused for line in lines)
    if not done or done >= total:
        return ""
    return _("about {time} left").format(time=duration(account.seconds * (total - done) / done))


def _endpoints(lanes: list[dict[str, Any]]) -> str:
    texts = []
    for lane in lanes:
        if lane["name"] == IN_PROCESS:
            continue
        text = _("{name}: {flying} of at most {limit} at once, {retrying} waiting to be asked again").format(
            name=lane["name"].partition("#")[0], flying=lane["in_flight"], limit=lane["limit"], retrying=lane["retrying"]
        )
        if lane["paused_seconds"] > 0:
            seconds = round(lane["paused_seconds"]) or 1
            text += "; " + ngettext(
                "the server asked to wait {n} s more", "the server asked to wait {n} s more", seconds
            ).format(n=seconds)
        texts.append(text)
    return " · ".join(texts)


def who_executes() -> str:
    """Return what becomes of a run that is queued on a page."""
    return {
        "inline": _("executed at once, in this very request; the page answers when the run is over"),
        "celery": _("queued at once; executed by the Celery workers that gvsir worker starts"),
    }.get(settings.QUEUE) or _("queued at once; executed by the site's own worker, or by gvsir worker on a command line")


def _hint(run: Run, *, is_executed: bool) -> str:
    if run.status == Run.Status.QUEUED:
        return {
            "inline": _("Waiting. With GVSIR_QUEUE=inline nobody comes by itself; run: gvsir worker"),
            "celery": _("Waiting for a Celery worker; start one with: gvsir worker"),
        }.get(settings.QUEUE) or _("Waiting for a worker. The site's own worker takes it, or run: gvsir worker")
    if run.status == Run.Status.RUNNING and not is_executed:
        return _("The process that executed it has died. A worker takes it over, or run: gvsir bench_run --resume {run}").format(
            run=run.pk
        )
    return ""
