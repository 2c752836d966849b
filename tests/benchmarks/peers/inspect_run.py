"""The same work as an inspect_ai task. Runs in inspect_ai's own environment and imports nothing of this project.

    INSPECT_PYTHON tests/benchmarks/peers/inspect_run.py eval --base-url URL --samples 2000 --logs FOLDER
    INSPECT_PYTHON tests/benchmarks/peers/inspect_run.py retry --logs FOLDER

A sample is one generation and one verdict of ``model_graded_qa``, with the template and pattern of the 0-10
instruction; up to ``--connections`` at once, as given, without inspect_ai's slow start. Everything that decides
what survives a kill is left as it comes.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from inspect_ai import Task, eval, eval_retry, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import model_graded_qa
from inspect_ai.solver import generate

QUESTION = "Question {number}: " + "what is known of this claim? " * 10
TEMPLATE = (
    "You rate an answer from 0 to 10.\n\nQuestion:\n{question}\n\nFocus:\n{criterion}\n\nAnswer:\n{answer}\n\n"
    "{instructions}"
)


@task
def claims(samples: int = 2000) -> Task:
    """Return the task."""
    focus = "The answer must say that the claim is not supported."
    return Task(
        dataset=MemoryDataset(
            [Sample(id=number, input=QUESTION.format(number=number), target=focus) for number in range(samples)]
        ),
        solver=generate(),
        scorer=model_graded_qa(
            template=TEMPLATE, instructions="Reply with 'Score: X/10' and a brief reason.",
            grade_pattern=r"Score:\s*(\d+)/10", model="openai-api/fake/judge",
        ),
    )


def main() -> None:
    """Evaluate, or take up what was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("eval", "retry"))
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--logs", required=True)
    arguments = parser.parse_args()
    os.environ["FAKE_API_KEY"], os.environ["FAKE_BASE_URL"] = "none", arguments.base_url
    cpu, begun = time.process_time(), time.perf_counter()
    if arguments.verb == "eval":
        logs = eval(
            claims(samples=arguments.samples), model="openai-api/fake/model", display="none",
            log_dir=arguments.logs, max_connections=arguments.connections, temperature=0.0, max_tokens=1024,
        )
    else:
        killed = sorted(str(path) for path in Path(arguments.logs).glob("*.eval"))
        logs = eval_retry(killed[0], display="none", log_dir=arguments.logs, max_connections=arguments.connections)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    assert logs[0].status == "success", logs[0].error
    assert logs[0].results is not None
    print(json.dumps({
        "calls": 2 * arguments.samples, "seconds": seconds, "cpu": cpu,
        "completed": logs[0].results.completed_samples,
    }))


if __name__ == "__main__":
    main()
