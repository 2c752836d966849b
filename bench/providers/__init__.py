"""Whoever can be asked: endpoints and built-in policies."""
