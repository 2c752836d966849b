"""Immutable texts that codings point into."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models

from gvsir.exceptions import ImmutableRecordError


class Document(models.Model):
    """A text of an incident, frozen when its coding began.

    An edited incident makes a new document: offsets never move under a coder.
    Line ends are LF only; offsets into ``text`` are Unicode code points.
    """

    incident = models.ForeignKey("gvsir.Incident", on_delete=models.PROTECT, related_name="documents")
    report = models.ForeignKey("gvsir.Report", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    origin = models.CharField(max_length=200, help_text="What the text is, e.g. title and editors' description.")
    language = models.CharField(max_length=12, default="en")
    text = models.TextField()
    title_end_codepoint = models.PositiveIntegerField(
        default=0, help_text="Where the title ends in text; 0 if there is none."
    )
    sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["incident", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "sha256"], name="annotation_document_content"),
        ]

    def __str__(self) -> str:
        return f"document {self.pk} of {self.incident_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the document once; its text can never be changed.

        Raises
        ------
        ImmutableRecordError
            The document exists already.
        """
        if self.pk is not None and not self._state.adding:
            raise ImmutableRecordError(f"Document {self.pk} is frozen; make a new one.")
        if "\r" in self.text:
            raise ImmutableRecordError("A document's line ends are LF only; normalise the text before freezing it.")
        self.sha256 = self.digest(self.text)
        super().save(*args, **kwargs)

    @staticmethod
    def digest(text: str) -> str:
        """Return the SHA-256 of ``text`` in UTF-8, in hex."""
        return hashlib.sha256(text.encode()).hexdigest()
