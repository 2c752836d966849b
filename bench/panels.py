"""Panels this app adds to pages of the incident repository."""

from __future__ import annotations
