"""Addresses of codebooks, rounds and codings; every read starts from :mod:`annotation.querysets`."""

from __future__ import annotations

import django_filters
from django.db.models import Prefetch, QuerySet

from annotation.api.serializers import (
    AssignmentSerializer,
    CodebookSerializer,
    CodeSerializer,
    CodingSerializer,
    DocumentSerializer,
    MemoSerializer,
    RoundSerializer,
)
from annotation.models import Assignment, CategoryAssignment, Code, Codebook, Coding, Document, Memo, Round
from annotation.querysets import (
    visible_assignments,
    visible_codes,
    visible_codings,
    visible_documents,
    visible_memos,
)
from gvsir.api.filters import (
    FilterSet,
    IncidentNumberFilter,
    KnownNumberFilter,
    KnownTextFilter,
    every,
    known_coders,
)
from gvsir.api.resources import ReadOnlyResource, read_only
from gvsir.models import ValueDimension


class DocumentFilter(FilterSet):
    """Filters of documents."""

    incident = IncidentNumberFilter(field_name="incident__number")
    sha256 = django_filters.CharFilter(label="SHA-256 of the text.")


@read_only("Documents: the texts that codings point into", "One document", DocumentSerializer)
class DocumentResource(ReadOnlyResource[Document]):
    """Documents of incidents that the caller may see."""

    action_required = "document.view"
    queryset = Document.objects.none()
    serializer_class = DocumentSerializer
    filterset_class = DocumentFilter

    def get_queryset(self) -> QuerySet[Document]:
        """Return the visible documents."""
        return visible_documents(self.request.user).select_related("incident")


class CodebookFilter(FilterSet):
    """Filters of codebooks."""

    name = django_filters.CharFilter(label="Name.")
    version = KnownNumberFilter(label="Version.")


@read_only("Codebooks, each version its own record", "One codebook", CodebookSerializer)
class CodebookResource(ReadOnlyResource[Codebook]):
    """Codebooks."""

    action_required = "codebook.view"
    queryset = Codebook.objects.none()
    serializer_class = CodebookSerializer
    filterset_class = CodebookFilter

    def get_queryset(self) -> QuerySet[Codebook]:
        """Return all codebooks."""
        return Codebook.objects.select_related("scale")


class CodeFilter(FilterSet):
    """Filters of codes."""

    codebook = KnownNumberFilter(known=every(Codebook), field_name="codebook_id", label="Id of the codebook.")
    category = KnownTextFilter(known=every(ValueDimension), by="key", field_name="category__key", label="Key of the category.")
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Part of the name.")


@read_only("Codes", "One code", CodeSerializer)
class CodeResource(ReadOnlyResource[Code]):
    """Codes: those of open rounds only for their makers."""

    action_required = "codebook.view"
    queryset = Code.objects.none()
    serializer_class = CodeSerializer
    filterset_class = CodeFilter

    def get_queryset(self) -> QuerySet[Code]:
        """Return the visible codes."""
        return visible_codes(self.request.user).select_related("category", "created_by")


class RoundFilter(FilterSet):
    """Filters of rounds."""

    codebook = KnownNumberFilter(known=every(Codebook), field_name="codebook_id", label="Id of the codebook.")
    status = django_filters.ChoiceFilter(choices=Round.Status.choices, label="State.")
    origin = django_filters.ChoiceFilter(choices=Round.Origin.choices, label="Who coded.")


@read_only("Rounds of coding", "One round", RoundSerializer)
class RoundResource(ReadOnlyResource[Round]):
    """Rounds."""

    action_required = "round.view"
    queryset = Round.objects.none()
    serializer_class = RoundSerializer
    filterset_class = RoundFilter

    def get_queryset(self) -> QuerySet[Round]:
        """Return all rounds."""
        return Round.objects.all()


class AssignmentFilter(FilterSet):
    """Filters of assignments."""

    round = KnownNumberFilter(known=every(Round), field_name="round_id", label="Id of the round.")
    document = KnownNumberFilter(known=visible_documents, field_name="document_id", label="Id of the document.")
    incident = IncidentNumberFilter(field_name="document__incident__number")
    coder = KnownTextFilter(known=known_coders, by="key", field_name="coder__key", label="Key of the coder.")
    status = django_filters.ChoiceFilter(choices=Assignment.Status.choices, label="State.")
    stance = django_filters.ChoiceFilter(choices=Assignment.Stance.choices, label="Stance given.")
    category = KnownTextFilter(
        known=every(ValueDimension), by="key", field_name="categories__category__key", label="Key of a category given.",
    )


@read_only("Assignments: a document, a coder, what the coder said of it", "One assignment", AssignmentSerializer)
class AssignmentResource(ReadOnlyResource[Assignment]):
    """The caller's own assignments, and those of closed rounds."""

    action_required = "coding.view_closed"
    queryset = Assignment.objects.none()
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilter

    def get_queryset(self) -> QuerySet[Assignment]:
        """Return the visible assignments with coder and categories."""
        categories = CategoryAssignment.objects.select_related("category").order_by("-is_main", "category__order")
        return (
            visible_assignments(self.request.user)
            .select_related("document__incident", "coder").prefetch_related(Prefetch("categories", categories))
        )


class CodingFilter(FilterSet):
    """Filters of codings."""

    round = KnownNumberFilter(known=every(Round), field_name="assignment__round_id", label="Id of the round.")
    assignment = KnownNumberFilter(known=visible_assignments, field_name="assignment_id", label="Id of the assignment.")
    document = KnownNumberFilter(known=visible_documents, field_name="segment__document_id", label="Id of the document.")
    incident = IncidentNumberFilter(field_name="segment__document__incident__number")
    coder = KnownTextFilter(known=known_coders, by="key", field_name="assignment__coder__key", label="Key of the coder.")
    code = KnownNumberFilter(known=visible_codes, field_name="code_id", label="Id of the code.")
    category = KnownTextFilter(
        known=every(ValueDimension), by="key", field_name="code__category__key", label="Key of the code's category.",
    )


@read_only("Codings: a code on a passage", "One coding", CodingSerializer)
class CodingResource(ReadOnlyResource[Coding]):
    """The caller's own codings, and those of closed rounds."""

    action_required = "coding.view_closed"
    queryset = Coding.objects.none()
    serializer_class = CodingSerializer
    filterset_class = CodingFilter

    def get_queryset(self) -> QuerySet[Coding]:
        """Return the visible codings with passage, code and coder."""
        return visible_codings(self.request.user).select_related(
            "assignment__coder", "segment__document__incident", "code__category"
        )


class MemoFilter(FilterSet):
    """Filters of memos."""

    round = KnownNumberFilter(known=every(Round), field_name="assignment__round_id", label="Id of the round.")
    assignment = KnownNumberFilter(known=visible_assignments, field_name="assignment_id", label="Id of the assignment.")
    coding = KnownNumberFilter(known=visible_codings, field_name="coding_id", label="Id of the coding.")
    coder = KnownTextFilter(known=known_coders, by="key", field_name="assignment__coder__key", label="Key of the coder.")
    kind = django_filters.ChoiceFilter(choices=Memo.Kind.choices, label="Kind.")


@read_only("Memos", "One memo", MemoSerializer)
class MemoResource(ReadOnlyResource[Memo]):
    """The caller's own memos, and those of closed rounds; texts for signed-in roles only."""

    action_required = "coding.view_closed"
    queryset = Memo.objects.none()
    serializer_class = MemoSerializer
    filterset_class = MemoFilter

    def get_queryset(self) -> QuerySet[Memo]:
        """Return the visible memos."""
        return visible_memos(self.request.user).select_related("assignment__coder", "assignment__document__incident")
