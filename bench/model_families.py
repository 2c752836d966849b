"""Which makers' families a model belongs to, by the words of its name. No Django here."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: A word of a model's name -> family. A name that holds none has no family: nobody guesses.
FAMILIES: Final = {
    "gpt": "gpt", "chatgpt": "gpt", "davinci": "gpt", "text-davinci": "gpt", "openai": "gpt",
    "claude": "claude", "anthropic": "claude", "gemini": "gemini", "gemma": "gemini", "codegemma": "gemini",
    "llama": "llama", "meta-llama": "llama", "codellama": "llama", "vicuna": "llama", "alpaca": "llama",
    "qwen": "qwen", "qwq": "qwen", "qvq": "qwen", "tongyi": "qwen", "codeqwen": "qwen",
    "deepseek": "deepseek", "mistral": "mistral", "openmistral": "mistral", "mixtral": "mistral",
    "ministral": "mistral", "magistral": "mistral", "codestral": "mistral", "pixtral": "mistral", "devstral": "mistral",
    "voxtral": "mistral", "zephyr": "mistral", "grok": "grok", "glm": "glm", "chatglm": "glm", "kimi": "kimi",
    "moonshot": "kimi", "ernie": "ernie", "doubao": "doubao", "hunyuan": "hunyuan", "baichuan": "baichuan",
    "internlm": "internlm", "minimax": "minimax", "olmo": "olmo", "nemotron": "nemotron", "jamba": "jamba",
}
#: Words that mean a family only at the beginning of a name: elsewhere they are mostly something else.
BEGINNINGS: Final = {
    "o1": "gpt", "o3": "gpt", "o4": "gpt", "palm": "gemini", "phi": "phi", "yi": "yi", "abab": "minimax",
    "command": "command", "granite": "granite", "nova": "nova", "titan": "nova", "falcon": "falcon",
}
#: What hosts put before a model's own name: a tuned model, a cloud, a region, a maker.
_HOSTS: Final = re.compile(r"(?:ft:|azure[-_.]|bedrock[-_.]|vertex[-_.]|(?:us|eu|apac|jp|au|ca|global|amazon|cohere|ibm|microsoft)\.)+")


def _pattern(words: dict[str, str]) -> re.Pattern[str]:
    """Return a pattern that finds each word whole: no letter before or after it, after a digit no other digit."""
    longest_first = sorted(words, key=len, reverse=True)
    each = (re.escape(word) + (r"(?!\d)" if word[-1].isdigit() else "(?![a-z])") for word in longest_first)
    return re.compile(rf"(?<![a-z\d])(?:{'|'.join(f'({one})' for one in each)})")


_KNOWN: Final = FAMILIES | BEGINNINGS
_ANYWHERE: Final = _pattern(FAMILIES)
_FIRST: Final = _pattern(BEGINNINGS)


def family_of(model: str) -> str:
    """Return the family of the model an endpoint calls ``model``, or "".

    The maker's folder before the last slash is passed over, and so is what hosts put before a name. A model made
    of another maker's (a distilled or a tuned one) is of both families, written with a plus sign.

    Examples
    --------
    >>> [family_of(name) for name in ("gpt-5.2", "meta-llama/Llama-3.1-8B", "qwen3:4b", "o1-mini", "o100", "yield")]
    ['gpt', 'llama', 'qwen', 'gpt', '', '']
    >>> family_of("us.anthropic.claude-3-haiku"), family_of("deepseek-r1-distill-qwen-7b")
    ('claude', 'deepseek+qwen')
    """
    name = model.strip().lower().rpartition("/")[2]
    name = name[found.end() :] if (found := _HOSTS.match(name)) else name
    first = [BEGINNINGS[found[0]]] if (found := _FIRST.match(name)) else []
    return "+".join(dict.fromkeys([*first, *(FAMILIES[each[0]] for each in _ANYWHERE.finditer(name))]))


@lru_cache(maxsize=1024)
def families_in(text: str) -> frozenset[str]:
    """Return the families that ``text`` names, each spelled as :func:`family_of` would.

    Examples
    --------
    >>> sorted(families_in("Meta-Llama + My Own")), families_in("")
    (['llama', 'my own'], frozenset())
    """
    return frozenset(normal_family(text).split("+")) - {""}


def normal_family(text: str) -> str:
    """Return ``text`` in small letters, without needless blanks, a maker's other name as its family.

    Examples
    --------
    >>> normal_family("  LLaMA "), normal_family("Chatgpt+QWEN"), normal_family("house  model")
    ('llama', 'gpt+qwen', 'house model')
    """
    parts = (" ".join(part.casefold().split()) for part in text.split("+"))
    return "+".join(dict.fromkeys(_KNOWN.get(part, part) for part in parts if part))


def is_family_name(text: str) -> bool:
    """Return whether ``text`` can stand as a family: letters, digits, blanks, dots, hyphens and plus signs."""
    return re.fullmatch(r"[\w .+-]{0,80}", text) is not None
