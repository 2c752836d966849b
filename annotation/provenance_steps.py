"""The provenance steps of this app: coding and sentence."""

from __future__ import annotations
