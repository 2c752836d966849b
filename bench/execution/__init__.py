"""Sending many calls: pure asyncio, no database, no settings."""
