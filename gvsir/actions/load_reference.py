"""Load the reference data in ``fixtures/reference``: value systems, lifecycle stages, groups.

A system is versioned by the SHA-256 of its fixture: the same content changes nothing, another content
makes the next version and leaves the old one as it is. Translations are no part of the hash; they are
corrected in place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group
from django.db import transaction

from gvsir.exceptions import FormatError
from gvsir.models import (
    LogEntry,
    Source,
    Taxonomy,
    TaxonomyField,
    TaxonomyVersion,
    ValueDimension,
    ValueSystem,
)
from gvsir.permissions import ROLES, require


class LoadSummary(NamedTuple):
    """How many systems, sources, taxonomies and groups were made, corrected, and left as they were."""

    created: int
    updated: int
    unchanged: int


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A node of a value system as its fixture gives it."""

    key: str
    level: str
    name: str
    definition: str = ""
    parents: tuple[str, ...] = ()
    is_scored: bool = False


@dataclass(frozen=True, kw_only=True)
class System:
    """Where a value system comes from and how its fixture is read."""

    key: str
    file: str
    name: str
    scale: tuple[float, float]
    licence: str
    url: str
    attribution: str
    dimensions: Callable[[dict[str, Any]], Iterator[Dimension]]
    description: str = ""


def _gvs(data: dict[str, Any]) -> Iterator[Dimension]:
    for layer in sorted(data["layers"], key=lambda each: each["order"]):
        yield Dimension(key=layer["id"], level="layer", name=layer["name"], definition=layer["summary"])
    for category in sorted(data["categories"], key=lambda each: each["order"]):
        yield Dimension(
            key=category["id"], level="category", name=category["name"], is_scored=True,
            definition=category["definition"], parents=(category["layer"],),
        )


def _schwartz(data: dict[str, Any]) -> Iterator[Dimension]:
    for group in data["groups"]:
        yield Dimension(key=group["id"], level="group", name=group["name"], definition=_sentence(group["gist"]))
    values = {value["id"]: value for value in data["values"]}
    for key in data["circular_order"]:
        yield Dimension(
            key=key, level="value", name=values[key]["name"], is_scored=True,
            definition=values[key]["definition"], parents=tuple(values[key]["groups"]),
        )


def _mft(data: dict[str, Any]) -> Iterator[Dimension]:
    for each in data["foundations"]:
        yield Dimension(
            key=each["id"], level="foundation", name=each["name"], definition=each["definition"], is_scored=True
        )


def _llm_unique(data: dict[str, Any]) -> Iterator[Dimension]:
    for each in data["dimensions"]:
        yield Dimension(key=each["id"], level="dimension", name=each["name"], definition=each["definition"])
    for each in data["dimensions"]:
        for sub in each["sub"]:
            yield Dimension(
                key=sub["id"], level="sub-dimension", name=sub["name"], is_scored=True,
                definition=sub["definition"], parents=(each["id"],),
            )


def _salad(data: dict[str, Any]) -> Iterator[Dimension]:
    for domain in data["domains"]:
        yield Dimension(key=f"domain:{domain['id']}", level="domain", name=domain["name"], is_scored=True)
        for task in domain["tasks"]:
            key = f"task:{task['id']}"
            yield Dimension(key=key, level="task", name=task["name"], parents=(f"domain:{domain['id']}",))
            for each in task["categories"]:
                yield Dimension(
                    key=f"category:{each['id']}", level="category", name=each["name"],
                    definition=each["definition"], parents=(key,),
                )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


SYSTEMS: Final = (
    System(
        key="gvs", file="gvs-scale.json", name="GVS-Scale", scale=(0, 10), dimensions=_gvs,
        licence="MIT (names and order); definitions Apache-2.0",
        url="https://github.com/acl2026/GVS-Bench",
        description="GenAI Value Safety Scale: 3 layers, 12 categories. Scores 0-10, higher is safer.",
        attribution="Names: GVS-Bench, He et al. 2026, arXiv 2601.09112. Definitions: this project's own wording.",
    ),
    System(
        key="schwartz", file="schwartz.json", name="Schwartz basic human values", scale=(0, 100),
        dimensions=_schwartz, licence="names are facts of the theory; definitions Apache-2.0",
        url="https://doi.org/10.9707/2307-0919.1116",
        description="Ten values in circular order, in four higher-order groups. Scores 0-100 as published.",
        attribution="Schwartz 1992, 2012. Definitions: this project's own wording.",
    ),
    System(
        key="mft", file="mft.json", name="Moral Foundations Theory", scale=(0, 100), dimensions=_mft,
        licence="names are facts of the theory; definitions Apache-2.0",
        url="https://doi.org/10.1016/B978-0-12-407236-7.00002-4",
        description="Five moral foundations. Scores 0-100 as published.",
        attribution="Graham et al. 2013. Definitions: this project's own wording.",
    ),
    System(
        key="llm_unique", file="llm-unique-values.json", name="LLM-unique values", scale=(0, 100),
        dimensions=_llm_unique, licence="names are facts from the papers; definitions Apache-2.0",
        url="https://arxiv.org/abs/2404.12744",
        description="Three dimensions, six sub-dimensions found in language models. Scores 0-100 as published.",
        attribution="Biedma et al. 2024; arXiv 2501.07071. Definitions: this project's own wording.",
    ),
    System(
        key="salad", file="salad-bench.json", name="SALAD-Bench safety taxonomy", scale=(0, 100),
        dimensions=_salad, licence="Apache-2.0", url="https://github.com/adwardlee/SALAD",
        description="6 domains, 16 tasks, 66 categories. Scores 0-100 on domains, higher is safer, as published.",
        attribution="Li et al. 2024, arXiv 2402.05044. Definitions: this project's own wording.",
    ),
)


@dataclass
class _Loader:
    """Counts what it does."""

    folder: Path
    counts: dict[str, int] = field(default_factory=lambda: {"created": 0, "updated": 0, "unchanged": 0})
    made: list[str] = field(default_factory=list)

    def count(self, *, created: bool, updated: bool = False) -> None:
        self.counts["created" if created else "updated" if updated else "unchanged"] += 1

    def read(self, name: str) -> dict[str, Any]:
        try:
            data: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FormatError(f"The file cannot be read ({error}).", source=name) from error
        return data

    def groups(self) -> None:
        for role in ROLES:
            self.count(created=Group.objects.get_or_create(name=role)[1])

    def source(self, *, key: str, **values: str) -> Source:
        source, created = Source.objects.get_or_create(key=key, defaults=values)
        updated = self._set(source, values)
        self.count(created=created, updated=updated)
        return source

    @staticmethod
    def _set(record: Source | ValueSystem | ValueDimension, values: dict[str, Any]) -> bool:
        changed = [name for name, value in values.items() if getattr(record, name) != value]
        for name in changed:
            setattr(record, name, values[name])
        if changed:
            record.save(update_fields=changed)
        return bool(changed)

    def system(self, spec: System, chinese: dict[str, Any]) -> None:
        data = self.read(spec.file)
        source = self.source(
            key=spec.key.replace("_", "-"), name=spec.name, licence=spec.licence, url=spec.url,
            attribution=spec.attribution, version="",
        )
        digest = hashlib.sha256(canonical_json(data)).hexdigest()
        versions = ValueSystem.objects.select_for_update().filter(key=spec.key)
        system = versions.filter(sha256=digest).first()
        if system is not None:
            self.count(created=False, updated=self._translate(system, chinese))
            return
        last = versions.order_by("-version").first()
        system = ValueSystem.objects.create(
            key=spec.key, version=last.version + 1 if last else 1, name=spec.name, description=spec.description,
            sha256=digest, source=source, scale_low=spec.scale[0], scale_high=spec.scale[1],
        )
        try:
            self._dimensions(system, list(spec.dimensions(data)))
        except (KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"This is not the fixture of {spec.name} ({error!r}).", source=spec.file) from error
        self._translate(system, chinese)
        self.made.append(f"{spec.key} v{system.version}")
        self.count(created=True)

    def _dimensions(self, system: ValueSystem, wanted: list[Dimension]) -> None:
        orders: dict[str, int] = {}
        rows = []
        for each in wanted:
            orders[each.level] = orders.get(each.level, 0) + 1
            rows.append(
                ValueDimension(
                    system=system, key=each.key, level=each.level, name=each.name, definition=each.definition,
                    order=orders[each.level], is_scored=each.is_scored,
                )
            )
        made = {row.key: row for row in ValueDimension.objects.bulk_create(rows)}
        through = ValueDimension.parents.through
        through.objects.bulk_create(
            through(from_valuedimension=made[each.key], to_valuedimension=made[parent])
            for each in wanted
            for parent in each.parents
        )

    def _translate(self, system: ValueSystem, chinese: dict[str, Any]) -> bool:
        names = chinese.get(system.key, {})
        changed = self._set(system, {"name_zh": names.get("name", "")})
        for dimension in system.dimensions.all():
            words = names.get("dimensions", {}).get(dimension.key, {})
            values = {"name_zh": words.get("name", ""), "definition_zh": words.get("definition", "")}
            changed = self._set(dimension, values) or changed
        return changed

    def lifecycle(self) -> None:
        data = self.read("gvs-scale.json")["lifecycle"]
        fields = [{"key": "stage", "permitted_values": data["stages"]}]
        taxonomy = Taxonomy.objects.get_or_create(
            namespace="lifecycle",
            defaults={
                "name": "Lifecycle stage",
                "description": "The stage of a model's life in which a risk arises. Only the three names are published.",
                "source": Source.objects.get(key="gvs"),
            },
        )[0]
        digest = hashlib.sha256(canonical_json(fields)).hexdigest()
        if taxonomy.versions.filter(sha256=digest).exists():
            self.count(created=False)
            return
        version = taxonomy.versions.create(version=taxonomy.versions.count() + 1, sha256=digest)
        TaxonomyField.objects.create(
            taxonomy_version=version, key="stage", name="Lifecycle stage", display_type="enum",
            permitted_values=data["stages"], is_facet=True, order=1,
        )
        self.made.append(f"lifecycle v{version.version}")
        self.count(created=True)


def canonical_json(data: Any) -> bytes:
    """Return ``data`` as JSON that is the same whatever its spacing and order of keys."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@transaction.atomic
def load_reference(
    *, actor: AbstractBaseUser | None = None, dry_run: bool = False, folder: Path | None = None
) -> LoadSummary:
    """Load value systems, lifecycle stages and the three groups, each once per content.

    Parameters
    ----------
    actor : user, optional
        Who asked; None for a command run by hand.
    dry_run : bool
        Count, and write nothing.
    folder : Path, optional
        Where the files are; ``fixtures/reference`` if not said.

    Raises
    ------
    FormatError
        A fixture cannot be read; nothing has been written.
    """
    if actor is not None:
        require(actor, "incident.import")
    loader = _Loader(folder or settings.FIXTURES_DIR / "reference")
    loader.groups()
    chinese = loader.read("names-zh.json").get("systems", {})
    for spec in SYSTEMS:
        loader.system(spec, chinese)
    loader.lifecycle()
    if loader.made:
        newest = TaxonomyVersion.objects.get(pk=_newest_lifecycle())
        LogEntry.objects.record(newest, "reference.load", actor=actor, data={"made": loader.made})
    if dry_run:
        transaction.set_rollback(True)
    return LoadSummary(**loader.counts)


def _newest_lifecycle() -> int:
    return TaxonomyVersion.objects.filter(taxonomy__namespace="lifecycle").order_by("-version").values_list(
        "pk", flat=True
    )[0]
