"""The tables of the incident repository."""

from __future__ import annotations

from gvsir.models.classification import Classification, ClassificationValue, Coder
from gvsir.models.entity import Entity, EntityRole
from gvsir.models.incident import Incident, IncidentRedirect, NumberCounter
from gvsir.models.log_entry import LogEntry
from gvsir.models.report import IncidentReport, Report
from gvsir.models.search_row import IncidentSearchRow
from gvsir.models.source import Source
from gvsir.models.taxonomy import Taxonomy, TaxonomyField, TaxonomyVersion
from gvsir.models.value_system import ValueDimension, ValueSystem

__all__ = [
    "Classification",
    "ClassificationValue",
    "Coder",
    "Entity",
    "EntityRole",
    "Incident",
    "IncidentRedirect",
    "IncidentReport",
    "IncidentSearchRow",
    "LogEntry",
    "NumberCounter",
    "Report",
    "Source",
    "Taxonomy",
    "TaxonomyField",
    "TaxonomyVersion",
    "ValueDimension",
    "ValueSystem",
]
