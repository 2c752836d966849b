"""Run a GVSIR command; the console script ``gvsir`` is the same."""

from __future__ import annotations

from gvsir.cli import main

if __name__ == "__main__":
    main()
