"""The connections of every endpoint's client: aiohttp's, with one set of trusted certificates for the process."""

from __future__ import annotations

import ssl
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


def http_client(connections: int) -> httpx2.AsyncClient:
    """Return a client for the ``openai`` library that opens at most so many connections, and keeps them."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    return openai.DefaultAioHttpClient(limits=limits, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted; a run of many models reads them once."""
    import httpx2

    return httpx2.create_ssl_context()
