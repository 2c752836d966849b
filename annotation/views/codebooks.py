"""The pages of a codebook and of one code."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from annotation.guidance import readable_notes
from annotation.models import Codebook, Round
from annotation.querysets import categories_of, layers_of, visible_codes, visible_codings
from gvsir.permissions import action_required


@action_required("codebook.view")
def codebook_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the categories with their notes, and the codes gathered under them with true counts."""
    codebook = get_object_or_404(Codebook.objects.select_related("scale"), pk=pk)
    counts = dict(
        visible_codings(request.user).filter(code__codebook=codebook).order_by()
        .values_list("code").annotate(n=Count("pk"))
    )
    by_category: dict[int | None, list[dict[str, Any]]] = {}
    for code in visible_codes(request.user).filter(codebook=codebook).select_related("created_by"):
        by_category.setdefault(code.category_id, []).append({"code": code, "n": counts.get(code.pk, 0)})
    for codes in by_category.values():
        codes.sort(key=lambda each: (-each["n"], each["code"].label))
    zh = getattr(request, "LANGUAGE_CODE", "").startswith("zh")
    notes = readable_notes(codebook.guidance.get("categories", {}), categories_of(codebook), zh=zh)
    layers = [
        {
            "layer": layer,
            "categories": [
                {"category": each, "codes": by_category.get(each.pk, []), "notes": notes.get(each.key, {}),
                 "n": sum(code["n"] for code in by_category.get(each.pk, []))}
                for each in sorted(layer.children.all(), key=lambda child: child.order) if each.level == "category"
            ],
        }
        for layer in layers_of(codebook)
    ]
    return render(request, "annotation/codebook_detail.html", {
        "codebook": codebook,
        "layers": layers,
        "open_codes": by_category.get(None, []),
        "n_codes": sum(len(codes) for codes in by_category.values()),
        "n_passages": sum(counts.values()),
        "rules": codebook.guidance.get("rules_zh" if zh else "rules") or codebook.guidance.get("rules", []),
        "rounds": codebook.rounds.all(),
        "model_made": codebook.rounds.filter(origin=Round.Origin.MODEL_MADE).exists(),
    })


@action_required("codebook.view")
def code_detail(request: HttpRequest, pk: int, code: int) -> HttpResponse:
    """Show every passage that has this code, side by side."""
    shown = get_object_or_404(
        visible_codes(request.user).select_related("category", "codebook", "created_by", "created_in"),
        pk=code, codebook=pk,
    )
    codings = (
        visible_codings(request.user).filter(code=shown)
        .select_related("segment__document__incident", "assignment__coder", "assignment__round")
        .order_by("segment__document__incident__number", "segment__start_codepoint", "pk")
    )
    return render(request, "annotation/code_detail.html", {"code": shown, "codings": list(codings)})
