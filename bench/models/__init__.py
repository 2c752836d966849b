"""The tables of the benchmark."""

from __future__ import annotations

from bench.models.batch import Batch
from bench.models.item import Attachment, Item, Release, ReleaseItem
from bench.models.kept_scores import KeptScores
from bench.models.label import HumanLabel, JudgeAgreement, LabelSample, LabelTask
from bench.models.language_model import Judge, LanguageModel
from bench.models.measurement import Measurement, PublishedScore
from bench.models.recorded_answer import RecordedAnswer
from bench.models.run import Executor, FailedAttempt, Judgement, Response, Run, Score, Trial
from bench.models.sharing import Endpoint, Purse, Seat
from bench.models.verdict import DimensionVerdict

__all__ = [
    "Attachment",
    "Batch",
    "DimensionVerdict",
    "Endpoint",
    "Executor",
    "FailedAttempt",
    "HumanLabel",
    "Item",
    "Judge",
    "JudgeAgreement",
    "Judgement",
    "KeptScores",
    "LabelSample",
    "LabelTask",
    "LanguageModel",
    "Measurement",
    "PublishedScore",
    "Purse",
    "RecordedAnswer",
    "Release",
    "ReleaseItem",
    "Response",
    "Run",
    "Score",
    "Seat",
    "Trial",
]
