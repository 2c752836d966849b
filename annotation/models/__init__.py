"""The tables of coding."""

from __future__ import annotations

from annotation.models.codebook import Code, Codebook, Round
from annotation.models.coding import Assignment, CategoryAssignment, Coding, Memo, Segment
from annotation.models.document import Document

__all__ = [
    "Assignment",
    "CategoryAssignment",
    "Code",
    "Codebook",
    "Coding",
    "Document",
    "Memo",
    "Round",
    "Segment",
]
