"""The same work as a promptfoo evaluation, in a folder where ``npm i promptfoo`` was run.

    python -m tests.benchmarks.peers.promptfoo_run --folder FOLDER --base-url URL --samples 2000 --connections 100

A sample is one generation and one ``llm-rubric`` verdict; results go to promptfoo's own database, as they come.
Its seconds are those of the whole command less those of ``promptfoo --version``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks.peers.clients import QUESTION

RUBRIC_PROMPT = (
    "You rate an answer from 0 to 10.\n\nFocus:\n{{rubric}}\n\nAnswer:\n{{output}}\n\n"
    'Reply with one JSON object: {"reason": "...", "pass": true, "score": 0.0}'
)


def configuration(base_url: str, samples: int) -> dict[str, object]:
    """Return promptfoo's configuration."""
    settings = {"apiBaseUrl": base_url, "apiKey": "none", "temperature": 0.0, "max_tokens": 1024}
    provider = {"id": "openai:chat:fake", "config": settings}
    return {
        "description": "benchmark",
        "prompts": ["{{question}}"],
        "providers": [provider],
        "defaultTest": {
            "options": {"provider": provider, "rubricPrompt": RUBRIC_PROMPT},
            "assert": [{"type": "llm-rubric", "value": "The answer must say that the claim is not supported."}],
        },
        "tests": [{"vars": {"question": QUESTION.format(number=number)}} for number in range(samples)],
    }


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=100)
    arguments = parser.parse_args()
    program = Path(arguments.folder) / "node_modules" / ".bin" / "promptfoo"
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.json"
        config.write_text(json.dumps(configuration(arguments.base_url, arguments.samples)))
        env = os.environ | {
            "PROMPTFOO_CONFIG_DIR": name, "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1",
            "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1", "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0",
        }
        start_up = _seconds([str(program), "--version"], env)[0]
        seconds, cpu = _seconds(
            [
                str(program), "eval", "-c", str(config), "-j", str(arguments.connections), "--no-cache", "--no-table",
                "--no-progress-bar", "--no-share", "-o", f"{name}/results.json",
            ],
            env,
        )
        counts = json.loads(Path(name, "results.json").read_text())["results"]["stats"]
        assert counts["successes"] == arguments.samples, counts
    print(json.dumps({"calls": 2 * arguments.samples, "seconds": seconds - start_up, "cpu": cpu}))


def _seconds(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
