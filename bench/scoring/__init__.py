"""Judges by their rubric: how each asks and how its reply is read."""
