"""How answers are drawn and how long a call may take, as options of a command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from bench.specs import GenerationConfig

_LEFT_OUT: Final = "none"
#: What is fixed when a run is made.
SETTINGS: Final = ("temperature", "top_p", "max_tokens", "timeout", "judge_temperature", "judge_top_p")


def add_settings(parser: CommandParser) -> None:
    """Add the options."""
    usual = GenerationConfig()
    parser.add_argument(
        "--temperature", metavar="T", help=f"0 to 2 (default {usual.temperature}); 'none' leaves it to the endpoint"
    )
    parser.add_argument("--top-p", metavar="P", help=f"0 to 1 (default {usual.top_p}); 'none' leaves it to the endpoint")
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help=f"the most tokens of an answer (default {usual.max_tokens})"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long one call may take, 1 to 3600 (default 60)"
    )
    parser.add_argument("--judge-temperature", metavar="T", help="of the judges; another one is another judge")
    parser.add_argument("--judge-top-p", metavar="P", help="of the judges; another one is another judge")


def generation_of(options: dict[str, Any], usual: GenerationConfig | None = None) -> GenerationConfig:
    """Return how answers are drawn by ``options``, and as ``usual`` where they say nothing."""
    given = _given(options, {"temperature": "temperature", "top_p": "top_p"})
    if options["max_tokens"] is not None:
        given["max_tokens"] = options["max_tokens"]
    return replace(usual or GenerationConfig(), **given)


def judge_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return what is not as usual in how judges answer."""
    return _given(options, {"temperature": "judge_temperature", "top_p": "judge_top_p"})


def _given(options: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for setting, option in names.items():
        text = options[option]
        if text is None:
            continue
        try:
            found[setting] = None if str(text).lower() == _LEFT_OUT else float(text)
        except ValueError as error:
            raise CommandError(
                f"--{option.replace('_', '-')} is a number, or 'none'; {text!r} is neither.", returncode=2
            ) from error
    return found
