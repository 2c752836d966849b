"""Words and sentences of pure modules and of stored records, marked for the catalogs.

Pure modules know no Django, and stored texts are data; pages show both with the filter ``translated``,
which finds those listed here.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

#: States of records as their badges show them.
OF_STATES: Final = (
    gettext_noop("proposed"),
    gettext_noop("accepted"),
    gettext_noop("rejected"),
    gettext_noop("queued"),
    gettext_noop("running"),
    gettext_noop("paused"),
    gettext_noop("finished"),
    gettext_noop("cancelled"),
    gettext_noop("failed"),
    gettext_noop("pending"),
    gettext_noop("answered"),
    gettext_noop("refused"),
    gettext_noop("content filter"),
    gettext_noop("length"),
    gettext_noop("unrecorded"),
)

#: Why a score or a judgement has no value.
OF_MISSING_VALUES: Final = (
    gettext_noop("the model was not asked"),
    gettext_noop("the run was cancelled"),
    gettext_noop("the provider refused the request"),
    gettext_noop("the provider's content filter stopped the answer"),
    gettext_noop("no answer after all retries"),
    gettext_noop("no recorded response"),
    gettext_noop("the answer is empty"),
    gettext_noop("not judged yet"),
    gettext_noop("only the model itself and its own family were asked"),
    gettext_noop("the reply does not name it"),
    gettext_noop("not engaged"),
    gettext_noop("the quoted evidence is not in the answer"),
    gettext_noop("the reply is empty"),
    gettext_noop("it is no object with a direction"),
    gettext_noop("no JSON object with the keys that were asked for"),
    gettext_noop("no JSON object with a score"),
    gettext_noop("length: the judge's reply was cut at its length limit"),
    gettext_noop("content_filter: the provider's filter stopped the judge's reply"),
    gettext_noop("refusal: the judge declined to give a verdict"),
    gettext_noop("empty reply"),
    gettext_noop("empty answer"),
    gettext_noop("no line beginning with Score:"),
    gettext_noop("the score lines differ"),
    gettext_noop("the verdict is one that stands in the answer itself"),
    gettext_noop("the reply is thought only"),
    gettext_noop("the rules read words, and the answer is no text"),
    gettext_noop("the rubric asks for words of the answer, and the answer is no text"),
    gettext_noop("the judge does not take images, and the answer is one"),
    gettext_noop("the judge does not take sound, and the answer is speech"),
    gettext_noop("the judge does not take videos, and the answer is one"),
    gettext_noop("a judge is sent WAV or MP3 only, and the answer is another kind of sound"),
    gettext_noop("the answer is too large to be sent to a judge"),
    gettext_noop("the judge does not take images, and the question shows one"),
)

#: Why a statistic of :mod:`bench.metrics` has no value or no interval.
OF_STATISTICS: Final = (
    gettext_noop("Nothing is scored."),
    gettext_noop("All scores come from one incident; the spread between incidents is unknown."),
    gettext_noop("No two dimensions have scores from both kinds of calls on 10 answers that differ in each."),
    gettext_noop("Without one of the incidents a correlation is undefined; more incidents are needed."),
    gettext_noop("Leaving out an incident changes nothing; there is no spread to make an interval from."),
    gettext_noop("Every incident has the same mean; the spread, and so an interval, cannot be estimated."),
    gettext_noop("A share of nothing has no interval."),
    gettext_noop("Both raters gave one and the same score to every unit."),
    gettext_noop("ICC(2,1) needs two targets that two raters rated."),
    gettext_noop("All ratings are the same."),
    gettext_noop("No unit was rated by both."),
    gettext_noop("Two labelled and two unlabelled responses are needed."),
    gettext_noop("Two labelled responses are needed."),
    gettext_noop("No response was judged."),
    gettext_noop("Verdicts, labels of yes and labels of no are all needed."),
    gettext_noop("The judge is no better than a coin; its share cannot be corrected."),
    gettext_noop("The labelled responses come from one incident only."),
    gettext_noop("Nobody has labelled a response this judge scored."),
    gettext_noop("No response has values of two people."),
    gettext_noop("Too few responses in common, or all values are the same."),
)

#: Why a run stands still.
OF_RUNS: Final = (
    gettext_noop("Made without sending anything."),
    gettext_noop("What failed waits to be put again."),
    gettext_noop("a command"),
    gettext_noop("Interrupted; resume it to send what is missing."),
)

#: Stored sentences that name something: :mod:`gvsir.stored_sentences` finds them by what stands around the names.
WITH_CHANGING_PARTS: Final = (
    gettext_noop("{source}, measurement {period}"),
    gettext_noop("{valid} of {total} votes valid, {needed} needed"),
    gettext_noop("only judges of the model's own family ({family}) were asked"),
    gettext_noop("judgement {state}: {reason}"),
    gettext_noop("the score line is not x/10: {line}"),
    gettext_noop("the score {score} is not between 0 and 10"),
    gettext_noop("the score {score} is no whole number from {lowest} to {highest}"),
    gettext_noop("direction must be -1, 0, 1 or null, strength 0 to {most}"),
    gettext_noop("{reason}, after {n} repairs"),
    gettext_noop("Nobody rated {n} units that the judge and another person rated as well."),
    gettext_noop("Paused by {who}."),
    gettext_noop("Cancelled by {who}."),
    gettext_noop("Raise it with: gvsir bench_run --resume {run}"),
    gettext_noop("Budget spent: all {n} calls are sent. {what} --max-calls N"),
    gettext_noop("Budget spent: {n} calls are sent or set aside, and {most} are allowed. {what} --max-calls N"),
    gettext_noop(
        "Budget spent: {spent} of {budget} US dollars are spent or set aside, and the next call could cost more than is "
        "left. {what} --budget USD"
    ),
    gettext_noop("The account that {model} is asked with has no money left: {said} Top it up, then resume the run."),
    gettext_noop("The key that {model} is asked with was refused ({status}): {said} Set it right, then resume the run."),
    gettext_noop(
        "The last {n} questions put to {model} failed and none was answered; the last one: {said} Resume the run to send "
        "what is missing."
    ),
    gettext_noop(
        "{endpoint} has been down for {seconds} s; the last of {n} single calls: {said} Resume the run once it is up."
    ),
)

#: Groups of phrases that the heuristic judge looks for, named by :mod:`bench.scoring.markers`.
OF_PHRASES: Final = (
    gettext_noop("refusal"),
    gettext_noop("compliance"),
    gettext_noop("warning"),
    gettext_noop("correction"),
    gettext_noop("balance"),
    gettext_noop("support"),
    gettext_noop("fairness"),
    gettext_noop("alternative"),
    gettext_noop("unsafe"),
)

#: What ``gvsir import_scores`` says of its source.
OF_SOURCES: Final = (
    gettext_noop("no licence file; numbers only"),
    gettext_noop(
        "Value Compass leaderboard, arXiv 2501.07071. Published numbers, without their cases; "
        "measurement 2025-02 and first version of late 2024."
    ),
)

#: Why a file is not taken (:mod:`bench.files`).
OF_FILES: Final = (
    gettext_noop("By its content it is no PNG, JPEG, WebP or GIF image."),
    gettext_noop("The PNG image is cut off."),
    gettext_noop("The JPEG image is cut off."),
    gettext_noop("The GIF image is cut off."),
    gettext_noop("The WebP image is cut off."),
    gettext_noop("The WebP image is cut off, or something follows it."),
    gettext_noop("Something follows the end of the PNG image."),
    gettext_noop("Something follows the end of the JPEG image."),
    gettext_noop("Something follows the end of the GIF image."),
    gettext_noop("The PNG image unpacks to more than its size; it may be a bomb."),
    gettext_noop("The PNG image holds more than an image."),
)
