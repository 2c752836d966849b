"""Which maker's family a model belongs to, by how its name begins. No Django here."""

from __future__ import annotations

import re
from typing import Final

#: Beginning of a model's name -> family. A name that fits none has no family: nobody guesses.
FAMILIES: Final = {
    "gpt": "gpt", "chatgpt": "gpt", "o1": "gpt", "o3": "gpt", "o4": "gpt", "davinci": "gpt", "text-davinci": "gpt",
    "claude": "claude", "gemini": "gemini", "gemma": "gemini", "palm": "gemini",
    "llama": "llama", "meta-llama": "llama", "codellama": "llama",
    "qwen": "qwen", "qwq": "qwen", "qvq": "qwen", "tongyi": "qwen",
    "deepseek": "deepseek", "mistral": "mistral", "mixtral": "mistral", "ministral": "mistral", "magistral": "mistral",
    "codestral": "mistral", "pixtral": "mistral", "devstral": "mistral",
    "phi": "phi", "grok": "grok", "glm": "glm", "chatglm": "glm", "yi": "yi", "kimi": "kimi", "moonshot": "kimi",
    "ernie": "ernie", "doubao": "doubao", "hunyuan": "hunyuan", "baichuan": "baichuan", "internlm": "internlm",
    "minimax": "minimax", "abab": "minimax", "command": "command", "granite": "granite", "nova": "nova",
    "falcon": "falcon", "olmo": "olmo", "nemotron": "nemotron", "jamba": "jamba",
}
_LONGEST_FIRST: Final = sorted(FAMILIES, key=len, reverse=True)


def family_of(model: str) -> str:
    """Return the family of the model an endpoint calls ``model``, or "".

    The maker's folder before the last slash is passed over, and a beginning counts only as a whole word or
    before a digit.

    Examples
    --------
    >>> [family_of(name) for name in ("gpt-5.2", "meta-llama/Llama-3.1-8B", "qwen3:4b", "o1-mini", "o100", "yield")]
    ['gpt', 'llama', 'qwen', 'gpt', '', '']
    """
    name = model.strip().lower().rpartition("/")[2]
    for beginning in _LONGEST_FIRST:
        if name.startswith(beginning):
            rest = name[len(beginning) :]
            ends_in_digit = beginning[-1].isdigit()
            if not rest or not (rest[0].isdigit() if ends_in_digit else rest[0].isalpha()):
                return FAMILIES[beginning]
    return ""


def is_family_name(text: str) -> bool:
    """Return whether ``text`` can stand as a family: letters, digits, blanks, dots and hyphens."""
    return re.fullmatch(r"[\w .+-]{0,80}", text) is not None
