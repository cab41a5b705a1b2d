"""The blanks of a prompt: ``{subject}`` is one, ``{{`` and ``}}`` stand for braces. Rules without I/O."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from bot.errors import BadOption

#: A form has five fields, and one of them is for pictures.
MAX_BLANKS: Final = 4
#: The longest name of a blank: it becomes the label of a field.
MAX_BLANK: Final = 40

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
#: What letters are written with beside letters: vowel signs and accents, and the joiners between some of them.
_JOINERS: Final = frozenset("\u200c\u200d")


def blanks(template: str) -> tuple[str, ...]:
    """Return the blanks of a prompt as they are first spelled, each once, in their order.

    Raises:
        BadOption: there are too many, one has no proper name, or a brace stands alone.
    """
    found: dict[str, str] = {}
    for part in _PART.finditer(template):
        if part[1] is not None:
            found.setdefault(_key(part[1]), _checked(part[1]))
        elif len(part[0]) == 1:
            raise BadOption(
                "prompt",
                f"`prompt` has a `{part[0]}` that belongs to no blank. "
                "A blank is written `{subject}`; `{{` and `}}` stand for braces.",
            )
    if len(found) > MAX_BLANKS:
        raise BadOption(
            "prompt", f"`prompt` takes up to {MAX_BLANKS} different blanks, since a form has no more room; "
            f"it has {len(found)}: {', '.join(f'`{{{name}}}`' for name in found.values())}.",
        )  # fmt: skip
    return tuple(found.values())


def fill(template: str, filled: Mapping[str, str]) -> str:
    """Return a prompt with its blanks filled in, by their names as :func:`blanks` returns them.

    What is filled in is taken as it is: braces in it are braces.

    Raises:
        BadOption: a blank was left empty.
    """
    given = {_key(name): text.strip() for name, text in filled.items()}
    for name in blanks(template):
        if not given.get(_key(name)):
            raise BadOption(name, f"`{{{name}}}` was left empty; say what stands there in the prompt.")
    return _PART.sub(lambda part: part[0][0] if part[1] is None else given[_key(part[1])], template)


def literal(text: str) -> str:
    """Return a prompt as a template without blanks: :func:`fill` makes the same of it."""
    return text.replace("{", "{{").replace("}", "}}")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip()).casefold()


def _checked(given: str) -> str:
    name = unicodedata.normalize("NFC", given.strip())
    if not 1 <= len(name) <= MAX_BLANK or not all(map(_is_part, name)) or not any(map(str.isalnum, name)):
        said = f"`{{{name[:MAX_BLANK]}}}`" if name.isprintable() and "`" not in name else "one of them"
        raise BadOption(
            "prompt",
            f"`prompt` has a blank whose name does not work: {said}. A name is made of letters, digits and `_`, "
            f"up to {MAX_BLANK} of them; `{{{{` and `}}}}` stand for braces.",
        )
    return name


def _is_part(character: str) -> bool:
    return character == "_" or character in _JOINERS or unicodedata.category(character)[0] in "LMN"
