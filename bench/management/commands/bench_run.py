"""``gvsir bench_run``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bench.accounting import RunAccount, account
from bench.actions.change_run import hold_run
from bench.actions.create_run import LANGUAGES, create_run
from bench.actions.execute_run import execute_run
from bench.actions.limit_run import check_limits, limit_run
from bench.actions.plan_run import ASSUMED_SD, HOW_TOKENS, Plan, plan_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.retry_failed import retry_failed
from bench.management.run_progress import shown
from bench.management.stopping import stop_on_signals
from bench.models import Judge, Release, Run
from bench.scoring.panel import HEADLINES, PanelRule
from bench.tasks import ring
from gvsir.exceptions import GvsirError

_EXAMPLE = """Examples:
  gvsir bench_run demonstration-1 --model baseline:careful --judge heuristic
  gvsir bench_run my-release --model qwen3@http://127.0.0.1:11434/v1 --judge gpt-5.2@https://api.openai.com/v1 --json
  gvsir bench_run demonstration-1 --model replay:answers.jsonl --judge heuristic
  gvsir bench_run --resume 12"""


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
        "salad:NAME for a framework of values. Several judges are a panel. What any run has already asked is not asked "
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
        parser.add_argument("--epochs", type=int, default=1, help="how often each item is put (default 1)")
        parser.add_argument("--language", action="append", choices=LANGUAGES, help="default en; repeatable")
        parser.add_argument("--concurrency", type=int, help="most calls at once to one endpoint")
        parser.add_argument("--budget", metavar="USD", help="the most the whole run may spend; with --resume: from now on")
        parser.add_argument("--max-calls", type=int, metavar="N", help="the most calls the whole run may send, all attempts")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--headline", choices=HEADLINES, default=HEADLINES[0], help="of several judges' votes")
        parser.add_argument("--least-votes", type=int, metavar="N", help="valid votes a score needs; default: a majority")
        parser.add_argument("--resume", type=int, metavar="RUN", help="continue this run")
        parser.add_argument("--retry-failed", action="store_true", help="with --resume: ask again what failed")
        leave = parser.add_mutually_exclusive_group()
        leave.add_argument("--queue", action="store_true", help="make the run and leave it to the workers")
        leave.add_argument("--hold", action="store_true", help="make the run and send nothing (for bench_batch)")
        parser.add_argument("--dry-run", action="store_true", help="print calls, tokens, cost; write and send nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        try:
            if options["resume"] is not None:
                run = self._resumed(options)
            elif options["dry_run"]:
                self._dry_run(options)
                return
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

    def _resumed(self, options: dict[str, Any]) -> Run:
        if options["release"] or options["model"] or options["judge"]:
            raise CommandError("--resume takes release, models and judges from the run; give the number only.", returncode=2)
        run = Run.objects.filter(pk=options["resume"]).first()
        if run is None:
            raise CommandError(f"There is no run {options['resume']}.")
        if options["retry_failed"]:
            retry_failed(run=run, actor=None)
        budget = self._budget(options)
        if budget is not None or options["max_calls"] is not None:
            run = limit_run(run=run, budget_usd=budget, max_calls=options["max_calls"], actor=None)
        return run

    def _arguments(self, options: dict[str, Any]) -> dict[str, Any]:
        if not options["release"]:
            raise CommandError("Give the name of a release, or --resume RUN.", returncode=2)
        if not options["model"] or not options["judge"]:
            raise CommandError("Give at least one --model and one --judge.", returncode=2)
        release = Release.objects.filter(name=options["release"]).first()
        if release is None:
            raise CommandError(f"There is no release {options['release']!r}.")
        language_models = [register_language_model(name) for name in options["model"]]
        judges = [register_judge(name) for name in options["judge"]]
        self._warn_of_self_judging(judges, {model.pk for model in language_models})
        return {
            "release": release, "language_models": language_models, "judges": judges, "epochs": options["epochs"],
            "languages": options["language"] or ["en"], "concurrency": options["concurrency"], "seed": options["seed"],
            "budget_usd": self._budget(options), "max_calls": options["max_calls"],
            "panel": PanelRule(headline=options["headline"], least_votes=options["least_votes"]),
        }

    def _budget(self, options: dict[str, Any]) -> Decimal | None:
        if options["budget"] is None:
            return None
        try:
            budget = Decimal(options["budget"])
        except InvalidOperation as error:
            raise CommandError(f"--budget {options['budget']!r} is no amount of US dollars.", returncode=2) from error
        if not budget.is_finite():
            raise CommandError("--budget is an amount of US dollars.", returncode=2)
        return budget

    def _warn_of_self_judging(self, judges: list[Judge], asked: set[int]) -> None:
        for judge in judges:
            if judge.language_model_id in asked:
                self.stderr.write(self.style.WARNING(f"{judge.name} will judge its own answers."))

    def _dry_run(self, options: dict[str, Any]) -> None:
        with transaction.atomic():
            arguments = self._arguments(options)
            arguments.pop("seed")
            arguments.pop("panel")
            limits = {name: arguments.pop(name) for name in ("budget_usd", "max_calls")}
            check_limits(arguments["language_models"], arguments["judges"], **limits)
            plan = plan_run(**arguments)
            transaction.set_rollback(True)
        if options["json"]:
            self.stdout.write(json.dumps(plan.as_json()))
        else:
            self._print_plan(plan)

    def _execute(self, run: Run) -> RunAccount:
        before = account(run)
        asked = [
            line for line in before.subjects + before.judges if line.kind in ("endpoint", "language_model")
        ]
        with stop_on_signals() as stop, shown(
            sum(line.total for line in asked), sum(line.done for line in asked)
        ) as progress:
            return execute_run(run.pk, progress=progress, stop=stop)

    def _print(self, result: RunAccount, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(result.as_json(), ensure_ascii=False))
            return
        data = result.as_json()
        self.stdout.write(f"Run {data['run']} on {data['release']}: {data['status']}")
        self.stdout.write(f"  items       {data['items']} ({data['trials']} trials)")
        for name in ("responses", "judgements"):
            self.stdout.write(f"  {name:<11} " + ", ".join(f"{n} {state}" for state, n in data[name].items()))
        failures = ", ".join(f"{number} {outcome}" for outcome, number in result.failures.items()) or "none"
        self.stdout.write(f"  calls       {result.sent} sent, {result.retried} of them retries; failed: {failures}")
        if result.unheard_at_most:
            self.stdout.write(f"              and at most {result.unheard_at_most} cut off on their way, not counted above")
        cost = result.cost_usd
        self.stdout.write(f"  cost        {'no price known' if cost is None else f'{cost:.4f} US dollars'}")
        self.stdout.write(f"  time        {data['seconds']} s")

    def _print_plan(self, plan: Plan) -> None:
        self.stdout.write("Dry run: nothing was written or sent.")
        self.stdout.write(f"  items       {plan.items} ({plan.left_out} asked of no model)")
        for line in plan.left_out_by_model:
            self.stdout.write(f"  not asked   {line.model}: {line.sentence()}")
        self.stdout.write(f"  trials      {plan.trials}, {plan.answered_already} answered already")
        self.stdout.write(f"  calls       {plan.calls}, if none fails")
        self.stdout.write(
            f"  tokens      about {plan.prompt_tokens:,} in, {plan.completion_tokens:,} out ({HOW_TOKENS})"
        )
        cost = plan.cost_usd
        self.stdout.write(f"  cost        {'no price known' if cost is None else f'about {cost:.2f} US dollars'}")
        self.stdout.write(f"  time        about {plan.seconds:.0f} s at 5 s a call")
        if plan.resolvable_difference is not None:
            self.stdout.write(
                f"  resolves    a difference of {plan.resolvable_difference:.2f} points between two models (80 % power, "
                f"5 % level), if differences vary with a standard deviation of {ASSUMED_SD:g} over items"
            )
