"""``gvsir bench_run``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bench.accounting import RunAccount, account, scores_of, why_missing
from bench.actions.change_run import cancel_run, hold_run, pause_run, resume_run
from bench.actions.create_run import LANGUAGES, create_run
from bench.actions.execute_run import execute_run
from bench.actions.limit_run import limit_run
from bench.actions.plan_run import HOW_TOKENS, Plan, plan_missing, plan_run
from bench.actions.register_language_model import register_judge, register_language_model, rubric_word
from bench.actions.retry_failed import retry_failed
from bench.management.call_settings import SETTINGS, add_settings, generation_of, judge_settings
from bench.management.run_progress import shown
from bench.management.stopping import stop_on_signals
from bench.models import Judge, Release, Run
from bench.run_like import arguments_like, panel_of
from bench.scoring.panel import HEADLINES, PanelRule
from bench.specs import GenerationConfig
from bench.tasks import ring
from gvsir.exceptions import GvsirError

_EXAMPLE = """Examples:
  gvsir bench_run demonstration-1 --model baseline:careful --judge heuristic
  gvsir bench_run my-release --model qwen3@http://127.0.0.1:11434/v1 --judge gpt-5.2@https://api.openai.com/v1 --json
  gvsir bench_run demonstration-1 --model replay:answers.jsonl --judge heuristic
  gvsir bench_run --resume 12
  gvsir bench_run --like 12 --model qwen3@http://127.0.0.1:11434/v1
  gvsir bench_run --pause 12"""

#: What a run has from its beginning: not to be said again where it goes on.
_FIXED = ("like", "release", "model", "judge", "epochs", "language", "concurrency", "seed", "headline", "least_votes", "hold", *SETTINGS)
#: Besides these, nothing goes with --pause and --cancel.
_MAY_CHANGE = (*_FIXED, "budget", "max_calls", "resume", "retry_failed", "queue", "dry_run")


class Command(BaseCommand):
    """Create and execute a run, or continue one."""

    requires_system_checks: list[str] = []  # they load every page and its statistics
    help = (
        "Put the items of a release to models, let judges rate the answers, and score. NAME is a registered model, "
        "baseline:refuse, baseline:comply, baseline:echo or baseline:careful, replay:FILE.jsonl[#WHO_ANSWERED] for "
        "recorded responses, or MODEL@BASE_URL[#VARIABLE] for an OpenAI-compatible server; VARIABLE names the "
        "environment variable with the key (OPENAI_API_KEY by default). "
        "A judge is 'heuristic', or a model that judges by a rubric: published:NAME (also plain NAME) for the GVS-Bench "
        "instruction, anchored:NAME for words at 0, 2, 5, 8 and 10, or schwartz:NAME, mft:NAME, llm_unique:NAME, "
        "salad:NAME for a framework of values; schwartz/power:NAME and the like ask for one dimension alone, to check the "
        "judge of all of them, and enter no score. Several judges are a panel. What any run has already asked is not asked "
        "again."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with examples."""
        return super().create_parser(
            prog_name, subcommand, epilog=_EXAMPLE, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("release", nargs="?", help="name of the release")
        parser.add_argument("--model", action="append", default=[], metavar="NAME", help="whom to ask; repeatable")
        parser.add_argument("--judge", action="append", default=[], metavar="NAME", help="who rates; repeatable")
        parser.add_argument("--epochs", type=int, help="how often each item is put (default 1)")
        parser.add_argument("--language", action="append", choices=LANGUAGES, help="default en; repeatable")
        parser.add_argument("--concurrency", type=int, help="most calls at once to one endpoint")
        parser.add_argument("--budget", metavar="USD", help="the most the whole run may spend; with --resume: from now on")
        parser.add_argument("--max-calls", type=int, metavar="N", help="the most calls the whole run may send, all attempts")
        parser.add_argument(
            "--seed", type=int, help="draws the order in which judges of a framework are asked for its dimensions (default "
            "0); with another one their verdicts, and nothing else, are asked anew",
        )
        add_settings(parser)
        parser.add_argument("--headline", choices=HEADLINES, help=f"of several judges' votes; default {HEADLINES[0]}")
        parser.add_argument("--least-votes", type=int, metavar="N", help="valid votes a score needs; default: a majority")
        parser.add_argument(
            "--like", type=int, metavar="RUN", help="a new run with all that RUN has, and the models, judges and languages "
            "named here besides; other options instead of its own. Only what is missing is sent",
        )
        parser.add_argument("--resume", type=int, metavar="RUN", help="continue this run")
        parser.add_argument("--retry-failed", action="store_true", help="with --resume: ask again what failed")
        parser.add_argument("--pause", type=int, metavar="RUN", help="stop sending, whoever executes it; --resume goes on")
        parser.add_argument("--cancel", type=int, metavar="RUN", help="end this run for good; its answers stay")
        leave = parser.add_mutually_exclusive_group()
        leave.add_argument("--queue", action="store_true", help="leave the run, new or resumed, to the workers")
        leave.add_argument("--hold", action="store_true", help="make the run and send nothing (for bench_batch)")
        parser.add_argument("--dry-run", action="store_true", help="print what would be sent, and its cost; write and send nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        try:
            if options["pause"] is not None or options["cancel"] is not None:
                self._print(account(self._changed(options)), as_json=options["json"])
                return
            if options["dry_run"]:
                self._dry_run(options)
                return
            if options["resume"] is not None:
                run = self._resumed(options)
                if options["queue"]:
                    run = run if run.status == Run.Status.QUEUED else resume_run(run_id=run.pk, actor=None)
            else:
                with transaction.atomic():
                    run = create_run(actor=None, **self._arguments(options))
                    if options["hold"]:
                        run = hold_run(run=run)
            if options["queue"]:
                ring(run)
                run.refresh_from_db()
            if options["queue"] or options["hold"]:
                self._print(account(run), as_json=options["json"])
                return
            result = self._execute(run)
        except GvsirError as error:
            raise CommandError(str(error)) from error
        self._print(result, as_json=options["json"])
        if result.run.status != Run.Status.FINISHED:
            raise CommandError(
                f"Run {result.run.pk} is {result.run.status}. {result.run.status_reason} "
                f"Continue with: gvsir bench_run --resume {result.run.pk}"
            )

    def _refuse(self, options: dict[str, Any], names: tuple[str, ...], why: str) -> None:
        given = [
            name.replace("_", "-") for name in names
            if options[name] is not None and options[name] is not False and options[name] != []
        ]
        if given:
            words = ", ".join("the release" if name == "release" else f"--{name}" for name in given)
            raise CommandError(f"{why}; leave out {words}.", returncode=2)

    def _run(self, pk: int) -> Run:
        run = Run.objects.filter(pk=pk).first()
        if run is None:
            raise CommandError(f"There is no run {pk}.")
        return run

    def _changed(self, options: dict[str, Any]) -> Run:
        change = "pause" if options["pause"] is not None else "cancel"
        others = tuple(name for name in (*_MAY_CHANGE, "pause", "cancel") if name != change)
        self._refuse(options, others, f"--{change} takes the number of a run only")
        run = self._run(options[change])
        return (pause_run if change == "pause" else cancel_run)(run_id=run.pk, actor=None)

    def _resumed(self, options: dict[str, Any]) -> Run:
        self._refuse(options, _FIXED, "--resume takes release, models, judges and settings from the run")
        run = self._run(options["resume"])
        if options["retry_failed"]:
            retry_failed(run=run, actor=None)
        budget = self._budget(options)
        if budget is not None or options["max_calls"] is not None:
            run = limit_run(run=run, budget_usd=budget, max_calls=options["max_calls"], actor=None)
        return run

    def _arguments(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["retry_failed"]:
            raise CommandError("--retry-failed goes with --resume RUN.", returncode=2)
        if options["like"] is not None:
            return self._arguments_like(options)
        if not options["release"]:
            raise CommandError("Give the name of a release, or --resume RUN.", returncode=2)
        if not options["model"] or not options["judge"]:
            raise CommandError("Give at least one --model and one --judge.", returncode=2)
        release = Release.objects.filter(name=options["release"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['release']!r}.")
        language_models = [register_language_model(name) for name in options["model"]]
        judges = [register_judge(name, settings=judge_settings(options)) for name in options["judge"]]
        self._warn_of_self_judging(judges, {model.pk for model in language_models})
        return {
            "release": release, "language_models": language_models, "judges": judges, "epochs": 1 if options["epochs"] is None else options["epochs"],
            "languages": options["language"] or ["en"], "concurrency": options["concurrency"], "seed": options["seed"] or 0,
            "budget_usd": self._budget(options), "max_calls": options["max_calls"],
            "generation": generation_of(options), "timeout_seconds": options["timeout"],
            "panel": PanelRule(headline=options["headline"] or HEADLINES[0], least_votes=options["least_votes"]),
        }

    def _arguments_like(self, options: dict[str, Any]) -> dict[str, Any]:
        self._refuse(options, ("release",), "--like takes the release from the run")
        run = self._run(options["like"])
        found = arguments_like(
            run, language_models=[register_language_model(name) for name in options["model"]],
            judges=[register_judge(name, settings=judge_settings(options)) for name in options["judge"]],
            generation=generation_of(options, GenerationConfig.from_json(run.spec["generation"])),
            timeout_seconds=options["timeout"], epochs=options["epochs"],
            languages=options["language"] or (), seed=options["seed"], concurrency=options["concurrency"],
            budget_usd=self._budget(options), max_calls=options["max_calls"],
            panel=panel_of(run, headline=options["headline"], least_votes=options["least_votes"]),
        )
        self._warn_of_self_judging(found["judges"], {model.pk for model in found["language_models"]})
        return found

    def _budget(self, options: dict[str, Any]) -> Decimal | None:
        if options["budget"] is None:
            return None
        try:
            budget = Decimal(options["budget"])
        except InvalidOperation as error:
            raise CommandError(f"--budget {options['budget']!r} is no amount of US dollars.", returncode=2) from error
        if not budget.is_finite() or budget < 0:
            raise CommandError("--budget is an amount of US dollars, 0 or more.", returncode=2)
        return budget

    def _warn_of_self_judging(self, judges: list[Judge], asked: set[int]) -> None:
        for judge in judges:
            if judge.language_model_id in asked:
                self.stderr.write(self.style.WARNING(f"{judge.name} will judge its own answers."))

    def _dry_run(self, options: dict[str, Any]) -> None:
        with transaction.atomic():
            if options["resume"] is not None:
                plan = plan_missing(self._resumed(options))
            else:
                plan = plan_run(**self._arguments(options))
            transaction.set_rollback(True)
        if options["json"]:
            self.stdout.write(json.dumps(plan.as_json()))
        else:
            self._print_plan(plan)

    def _execute(self, run: Run) -> RunAccount:
        with stop_on_signals() as stop, shown(run) as watch:
            return execute_run(run.pk, progress=watch.tell, look=watch.look, stop=stop)

    def _print(self, result: RunAccount, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(result.as_json() | {"scores": scores_of(result.run)}, ensure_ascii=False))
            return
        data = result.as_json()
        self.stdout.write(f"Run {data['run']} on {data['release']}: {data['status']}")
        self.stdout.write(f"  items       {data['items']} ({data['trials']} trials)")
        for line in _judge_lines(result.run.judges.order_by("pk")):
            self.stdout.write(line)
        for name in ("responses", "judgements"):
            self.stdout.write(f"  {name:<11} " + ", ".join(f"{n} {state}" for state, n in data[name].items()))
        self.stdout.write(f"  scores      {_scores(result.run)}")
        failures = ", ".join(f"{number} {outcome}" for outcome, number in result.failures.items()) or "none"
        self.stdout.write(f"  calls       {result.sent} sent, {result.retried} of them retries; failed: {failures}")
        if result.unheard_at_most:
            self.stdout.write(f"              and at most {result.unheard_at_most} cut off on their way, not counted above")
        self.stdout.write(f"  cost        {result.cost.sentence()}")
        self.stdout.write(f"  time        {data['seconds']} s")

    def _print_plan(self, plan: Plan) -> None:
        self.stdout.write("Dry run: nothing was written or sent.")
        self.stdout.write(f"  items       {plan.items} ({plan.left_out} asked of no model)")
        for line in plan.left_out_by_model:
            self.stdout.write(f"  not asked   {line.model}: {line.sentence()}")
        for judge_line in _judge_lines(plan.judges):
            self.stdout.write(judge_line)
        self.stdout.write(f"  trials      {plan.trials}, {plan.answered_already} answered already")
        self.stdout.write(f"  calls       {plan.calls}, if none fails")
        self.stdout.write(
            f"  tokens      about {plan.prompt_tokens:,} in, {plan.completion_tokens:,} out ({HOW_TOKENS})"
        )
        cost = plan.cost_usd
        self.stdout.write(f"  cost        {'no price known' if cost is None else f'about {cost:.2f} US dollars'}")
        self.stdout.write(f"  time        about {plan.seconds:.0f} s at 5 s a call")
        power = plan.power
        if power is not None:
            basis = "assumed" if power.measured_in is None else f"measured in run {power.measured_in}"
            self.stdout.write(
                f"  resolves    a difference of {power.difference:.2f} points between two models (80 % power, 5 % level) "
                f"on {power.items} items of {power.incidents} incidents, each put {power.epochs} times; {basis}: "
                f"variance {power.between:.2f} between items and {power.within:.2f} within, correlation "
                f"{power.correlation:.2f} within incidents"
            )


def _judge_lines(judges: Iterable[Judge]) -> list[str]:
    """Return a line for each judge: who judges, and by which rubric, which a mistyped name would not have."""
    return [
        f"  judge       {judge.name}" + (f" by the {word} rubric" if (word := rubric_word(judge)) else "")
        for judge in judges
    ]


def _scores(run: Run) -> str:
    found = scores_of(run)
    if not any(found.values()):
        return "none yet"
    words = f"{found['scored']} of {sum(found.values())}"
    reasons = "; ".join(f"{reason} ({n})" for reason, n in why_missing(run))
    return f"{words}, missing because: {reasons}" if reasons else words
