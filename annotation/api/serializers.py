"""What the API says of codebooks, rounds and codings. What a reader may not read is null, with the reason."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation.models import Assignment, CategoryAssignment, Code, Codebook, Coding, Document, Memo, Round
from gvsir.api.resources import ViewerSerializer, folded_reason
from gvsir.api.serializers import CoderSerializer
from gvsir.models import Incident, ValueSystem

MEMO_WITHHELD = "Memos may hold what a user could ask a model; they are shown to signed-in roles."


class FoldedSerializer(ViewerSerializer[Any]):
    """Withholds texts of an incident that is folded for the reader."""

    def incident_of(self, record: Any) -> Incident:
        """Return the incident whose text the record holds."""
        raise NotImplementedError

    def get_withheld(self, record: Any) -> str:
        """Why the text is null; "" if it isn't withheld."""
        return folded_reason(self.incident_of(record), self.context["request"].user)


class DocumentSerializer(FoldedSerializer):
    """An immutable text that codings point into; offsets are Unicode code points."""

    incident = serializers.IntegerField(source="incident.number")
    text = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = [
            "id", "incident", "report", "origin", "language", "text", "withheld", "title_end_codepoint", "sha256",
            "created_at",
        ]

    def incident_of(self, record: Document) -> Incident:
        """Return the document's incident."""
        return record.incident

    def get_text(self, document: Document) -> str | None:
        """Return the text; None where it is withheld."""
        return None if self.get_withheld(document) else document.text


class ScaleSerializer(serializers.ModelSerializer[ValueSystem]):
    """The value system a codebook rests on."""

    class Meta:
        model = ValueSystem
        fields = ["id", "key", "version", "name"]


class CodebookSerializer(serializers.ModelSerializer[Codebook]):
    """One version of a codebook."""

    scale = ScaleSerializer(read_only=True)

    class Meta:
        model = Codebook
        fields = ["id", "name", "version", "scale", "guidance", "is_frozen", "origin", "created_at"]


class CodeSerializer(serializers.ModelSerializer[Code]):
    """A qualitative code and the category it is gathered under, if any."""

    category = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]
    created_by = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]

    class Meta:
        model = Code
        fields = [
            "id", "codebook", "name", "name_zh", "category", "parent", "definition", "include", "exclude",
            "created_by", "created_in", "created_at",
        ]


class RoundSerializer(serializers.ModelSerializer[Round]):
    """A round of coding; while it is open its codings are hidden from everybody but their makers."""

    class Meta:
        model = Round
        fields = ["id", "name", "codebook", "status", "origin", "note", "created_at", "closed_at"]


class CategoryAssignmentSerializer(serializers.ModelSerializer[CategoryAssignment]):
    """A category given to a whole document."""

    key = serializers.CharField(source="category.key")
    name = serializers.CharField(source="category.name")

    class Meta:
        model = CategoryAssignment
        fields = ["key", "name", "is_main"]


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    """What one coder said of one whole document in one round."""

    incident = serializers.IntegerField(source="document.incident.number")
    coder = CoderSerializer(read_only=True)
    categories = CategoryAssignmentSerializer(many=True, read_only=True)

    class Meta:
        model = Assignment
        fields = [
            "id", "round", "document", "incident", "coder", "status", "stance", "lifecycle_stage", "categories",
            "updated_at", "submitted_at",
        ]


class CodingCodeSerializer(serializers.ModelSerializer[Code]):
    """The code of a coding."""

    category = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]

    class Meta:
        model = Code
        fields = ["id", "name", "name_zh", "category"]


class CodingSerializer(FoldedSerializer):
    """A code applied to a passage: code points, first is 0, end exclusive."""

    round = serializers.IntegerField(source="assignment.round_id")
    coder = serializers.CharField(source="assignment.coder.key")
    document = serializers.IntegerField(source="segment.document_id")
    incident = serializers.IntegerField(source="segment.document.incident.number")
    start_codepoint = serializers.IntegerField(source="segment.start_codepoint")
    end_codepoint = serializers.IntegerField(source="segment.end_codepoint")
    quote = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()
    code = CodingCodeSerializer(read_only=True)

    class Meta:
        model = Coding
        fields = [
            "id", "assignment", "round", "coder", "document", "incident", "start_codepoint", "end_codepoint", "quote",
            "withheld", "code", "created_at",
        ]

    def incident_of(self, record: Coding) -> Incident:
        """Return the incident the passage tells of."""
        return record.segment.document.incident

    def get_quote(self, coding: Coding) -> str | None:
        """Return the passage; None where it is withheld."""
        return None if self.get_withheld(coding) else coding.segment.quote


class MemoSerializer(FoldedSerializer):
    """A thought written down while coding."""

    round = serializers.IntegerField(source="assignment.round_id")
    coder = serializers.CharField(source="assignment.coder.key")
    text = serializers.SerializerMethodField()
    text_zh = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()

    class Meta:
        model = Memo
        fields = [
            "id", "assignment", "round", "coder", "coding", "kind", "text", "text_zh", "withheld", "created_at",
            "updated_at",
        ]

    def incident_of(self, record: Memo) -> Incident:
        """Return the incident that was being coded."""
        return record.assignment.document.incident

    def get_withheld(self, record: Memo) -> str:
        """Why the text is null; "" if it isn't withheld."""
        return super().get_withheld(record) if self.may("item.view_text") else MEMO_WITHHELD

    def get_text(self, memo: Memo) -> str | None:
        """Return the English text; None where it is withheld."""
        return None if self.get_withheld(memo) else memo.text

    def get_text_zh(self, memo: Memo) -> str | None:
        """Return the Chinese text; None where it is withheld."""
        return None if self.get_withheld(memo) else memo.text_zh
