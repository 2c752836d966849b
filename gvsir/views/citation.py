"""How to cite an incident: one line of text, and BibTeX."""

from __future__ import annotations

from typing import Any, Final

_BIBTEX_SPECIAL: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}


def bibtex_escaped(text: str) -> str:
    r"""Return ``text`` with the characters that TeX reads as commands written out.

    Examples
    --------
    >>> bibtex_escaped("50% of R&D")
    '50\\% of R\\&D'
    """
    return "".join(_BIBTEX_SPECIAL.get(each, each) for each in text)


def _maker(incident: Any) -> str:
    """Return the first sentence of the source's attribution: who made the record, not what hangs on it."""
    return str(incident.source.attribution.split(". ")[0].rstrip("."))


def citation_text(incident: Any, url: str) -> str:
    """Return the one-line citation of ``incident``, whose page is at ``url``."""
    when = f" ({incident.date.year})" if incident.date else ""
    return (
        f"{incident.title}{when}. {_maker(incident)}, record {incident.source_record_id}. "
        f"In: GVSIR, {incident.public_id}, {url}. {incident.source.licence}."
    )


def citation_bibtex(incident: Any, url: str) -> str:
    """Return a BibTeX entry of ``incident``, whose page is at ``url``."""
    fields = {
        "title": bibtex_escaped(incident.title),
        "author": "{" + bibtex_escaped(_maker(incident)) + "}",
        "year": str(incident.date.year) if incident.date else "",
        "howpublished": f"GVSIR, {incident.public_id}",
        "url": url,
        "note": bibtex_escaped(f"{incident.source.name}, record {incident.source_record_id}; {incident.source.licence}"),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{gvsir{incident.number},", *lines, "}"])
