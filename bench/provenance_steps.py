"""The provenance steps of this app: score, response and item."""

from __future__ import annotations
