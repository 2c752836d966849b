"""Full-text search of incidents, in English and Chinese: FTS5 on SQLite, ``tsvector`` on PostgreSQL.

Both databases are fed the same tokens, so both find the same incidents: words are stemmed (Snowball
English), runs of CJK characters become single characters and pairs of neighbours. The table is made by
the migration ``search_table``; whoever creates or edits incidents calls :func:`index_incidents`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import snowballstemmer
from django.apps import apps
from django.db import connections, router, transaction
from django.db.models import F, FloatField, Func, QuerySet, Value

TABLE: Final = "gvsir_incident_search"
MOST_QUERY_CHARACTERS: Final = 2000
MOST_QUERY_TOKENS: Final = 32
LONGEST_TOKEN: Final = 64
_BATCH: Final = 500
_MOST_POSITIONS: Final = 16383  # the highest position a tsvector keeps

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_stemmer.stemWord(word))


def tokens(text: str, *, query: bool = False) -> list[str]:
    """Return the tokens of ``text``, in order.

    Case, accents and full-width forms are folded. A run of CJK characters is indexed as its characters
    and its pairs of neighbours; asked for (``query=True``) by its pairs alone, or its one character.

    Examples
    --------
    >>> tokens("Chatbots hallucinated")
    ['chatbot', 'hallucin']
    >>> tokens("人脸识别", query=True)
    ['人脸', '脸识', '识别']
    """
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded)
        folded = unicodedata.normalize("NFKC", "".join(c for c in folded if not unicodedata.combining(c)))
    found: list[str] = []
    for run in _RUN.findall(folded):
        if _IS_CJK.match(run):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)]
            found += (pairs or [run]) if query else [*run, *pairs]
        else:
            found.append(_stem(run[:LONGEST_TOKEN]))
    return found


def query_tokens(query: str) -> list[str]:
    """Return the distinct tokens asked for, at most ``MOST_QUERY_TOKENS``; operators mean nothing."""
    return list(dict.fromkeys(tokens(query[:MOST_QUERY_CHARACTERS], query=True)))[:MOST_QUERY_TOKENS]


class _Fields(NamedTuple):
    """The tokens of one incident by weight: title and number, names of entities, description."""

    title: list[str]
    entities: list[str]
    description: list[str]


class _Sqlite:
    """FTS5; the weights of the columns are set in the migration."""

    insert = f"INSERT INTO {TABLE} (rowid, title, entities, description) VALUES (%s, %s, %s, %s)"  # noqa: S608

    @staticmethod
    def row(pk: int, fields: _Fields) -> tuple[Any, ...]:
        return (pk, *(" ".join(each) for each in fields))

    @staticmethod
    def expression(asked: list[str]) -> str:
        return " ".join(f'"{token}"' for token in asked)


class _Postgres:
    """A tsvector written out by us: no parser, hence no dependence on the locale."""

    insert = f"INSERT INTO {TABLE} (rowid, {TABLE}) VALUES (%s, %s::tsvector)"  # noqa: S608

    @staticmethod
    def row(pk: int, fields: _Fields) -> tuple[Any, ...]:
        places: defaultdict[str, list[str]] = defaultdict(list)
        position = 0
        for weight, each in zip("ABD", fields, strict=True):
            for token in each:
                position = min(position + 1, _MOST_POSITIONS)
                if len(places[token]) < 200:
                    places[token].append(f"{position}{weight}")
        return pk, " ".join(f"'{token}':{','.join(at)}" for token, at in places.items())

    @staticmethod
    def expression(asked: list[str]) -> str:
        return " & ".join(f"'{token}'" for token in asked)


class _Rank(Func):
    """How well a row answers the expression: the higher, the better."""

    output_field = FloatField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        """FTS5's hidden column ``rank`` is bm25, the smaller the better."""
        column, _ = compiler.compile(self.source_expressions[0])
        return f'-{column.rpartition(".")[0]}."rank"', ()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        """Cover density, with the weights of title, entities and description."""
        return self.as_sql(compiler, connection, template="ts_rank_cd(%(expressions)s::tsquery)")


def _adapter(alias: str) -> _Sqlite | _Postgres:
    return _Postgres() if connections[alias].vendor == "postgresql" else _Sqlite()


def search(queryset: QuerySet[Any], query: str, *, ranked: bool = True) -> QuerySet[Any]:
    """Return the incidents of ``queryset`` that hold every word of ``query``.

    Leaves the order alone. A blank query leaves everything; one of punctuation or symbols alone finds
    nothing. Adds ``search_rank`` (higher is better; 0 without words), unless ``ranked`` is False: without
    it the set is found faster, for counting.
    """
    asked = query_tokens(query)
    if not asked:
        unranked = queryset.annotate(search_rank=Value(0.0, output_field=FloatField())) if ranked else queryset
        return unranked.none() if query.strip() else unranked
    expression = _adapter(queryset.db).expression(asked)
    if not ranked:
        rows = apps.get_model("gvsir", "IncidentSearchRow").objects.filter(tokens__matches=expression)
        return queryset.filter(pk__in=rows.values("pk"))
    found: QuerySet[Any] = queryset.filter(search_row__tokens__matches=expression).annotate(
        search_rank=_Rank(F("search_row__tokens"), Value(expression))
    )
    return found


def refresh_statistics() -> None:
    """Tell the database how large its tables are, so that it searches first and filters afterwards.

    Call it after a bulk change; without it SQLite knows no sizes at all.
    """
    with connections[router.db_for_write(apps.get_model("gvsir", "Incident"))].cursor() as cursor:
        cursor.execute("ANALYZE")


def _fields_of(pks: Collection[int]) -> dict[int, _Fields]:
    names: defaultdict[int, dict[str, None]] = defaultdict(dict)
    roles = apps.get_model("gvsir", "EntityRole").objects.filter(incident__in=pks)
    for pk, name in roles.order_by("pk").values_list("incident_id", "entity__name"):
        names[pk][name] = None
    incidents = apps.get_model("gvsir", "Incident").objects.filter(pk__in=pks)
    return {
        pk: _Fields(tokens(f"GVSIR {number} {title}"), tokens(" / ".join(names[pk])), tokens(description))
        for pk, number, title, description in incidents.values_list("pk", "number", "title", "description")
    }


def index_incidents(ids: Iterable[int] | None = None) -> int:
    """Write the search rows of the incidents with these primary keys (None: of all); return how many.

    Call it in the transaction that creates or changes incidents or their entities.
    """
    model = apps.get_model("gvsir", "Incident")
    alias = router.db_for_write(model)
    adapter = _adapter(alias)
    written = 0
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        if ids is None:
            cursor.execute(f"DELETE FROM {TABLE}")  # noqa: S608
            pks = list(model.objects.values_list("pk", flat=True))
        else:
            pks = sorted(set(ids))
            cursor.executemany(f"DELETE FROM {TABLE} WHERE rowid = %s", [(pk,) for pk in pks])  # noqa: S608
        for start in range(0, len(pks), _BATCH):
            rows = [
                adapter.row(pk, fields) for pk, fields in _fields_of(pks[start : start + _BATCH]).items()
            ]
            cursor.executemany(adapter.insert, rows)
            written += len(rows)
    return written
