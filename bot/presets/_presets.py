"""The use cases behind ``/preset``: presets of members, of servers, and those that ship with the bot."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

from bot import options
from bot.errors import BadOption, NotFound
from bot.options import Plain, shown
from bot.presets._blanks import blanks, literal
from bot.presets._shipped import SHIPPED, Example, Shipped
from storage import accounts, presets
from storage.database import Database, Tx
from storage.presets import Kept
from storage.records import NOTHING, Asker, EditRequest, Reference, Scope, says_nothing

MOST_OWN: Final = 50
MOST_SHARED: Final = 100
LONGEST_NAME: Final = 40

#: Looks at options without a picture.
_ANY_PICTURE: Final = Reference(sha256="", width=1024, height=1024, label="")
_UNSEEN: Final = frozenset("\u200b\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MAX_ID: Final = 2**63 - 1


class Whose(StrEnum):
    """Whose a preset is. Of several with one name, the first of these is meant."""

    OWN = "own"
    SERVER = "server"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of options."""

    #: What forms and menus know it by; another one once it was saved anew.
    key: str
    name: str
    whose: Whose
    #: Options by name, as JSON holds them; the prompt may have blanks.
    values: Mapping[str, Plain]
    #: What each picture that it needs is for, as far as that was said.
    pictures: tuple[str, ...] = ()
    about: str = ""
    example: Example | None = None
    #: Discord's id of who saved it, while known.
    maker_id: int | None = None
    made_at: int | None = None

    @property
    def prompt(self) -> str | None:
        """The prompt with its blanks; ``None`` where it has none."""
        return None if "prompt" not in self.values else str(self.values["prompt"])

    @property
    def settings(self) -> dict[str, Plain]:
        """All that it sets but the prompt."""
        return {name: value for name, value in self.values.items() if name != "prompt"}

    @property
    def blanks(self) -> tuple[str, ...]:
        """What is asked for when it is used."""
        return blanks(self.prompt or "")

    @property
    def least(self) -> int:
        """So many pictures it needs."""
        return max(1, len(self.pictures))


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a preset that was saved."""

    preset: Preset
    #: One of its name was there before, and is gone.
    replaced: bool
    #: Whose one of the same name is not meant any more where its owner names it; and whose is meant before it.
    hides: Whose | None = None
    hidden_by: Whose | None = None


class Presets:
    """Presets as the members of servers have them. Who manages a server is decided above."""

    def __init__(self, database: Database, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def save(self, asker: Asker, name: str, values: Mapping[str, object], *, shared: bool = False) -> Saved:
        """Keep options under a name, in place of what was kept under it before.

        Args:
            asker: whose it is, and who saves it.
            name: 1 to 40 characters, in any script; case does not count.
            values: options by name, typed or as JSON holds them, left out where ``None``. The prompt may have blanks;
                :func:`bot.presets.literal` makes one of a prompt that is meant as it is.
            shared: it is the server's, for all members.

        Raises:
            BadOption: the name, an option, or what is between options is wrong; or there are too many already.
        """
        name, kept = checked_name(name), read_values(values)
        whose = Whose.SERVER if shared else Whose.OWN
        folded = fold(name)
        replaced, named = await self._database.run(_save, asker, whose, name, folded, kept, self._clock())
        [saved] = [preset for preset in named if preset.whose is whose]
        others = [preset.whose for preset in named if preset.whose is not whose]
        order = list(Whose)
        before = [other for other in others if order.index(other) < order.index(whose)]
        behind = [other for other in others if order.index(other) > order.index(whose)]
        return Saved(saved, replaced, behind[0] if behind else None, before[0] if before else None)

    async def find(self, asker: Asker, name: str, *, shared: bool = False) -> Preset:
        """Return the preset of a name: the asker's own before the server's, before those that ship.

        ``shared``: the server's, whatever else has the name. Raises NotFound.
        """
        for preset in await self._database.read(_all_named, asker, fold(name)):
            if preset.whose is Whose.SERVER or not shared:
                return preset
        known = {fold(known): known for known, _ in await self.names(asker)}
        near = get_close_matches(fold(name)[: LONGEST_NAME * 2], known, n=1)
        hint = f"did you mean {shown(known[near[0]])}?" if near and not shared else "`/preset list` shows all."
        raise NotFound(f"There is no preset {shown(name)} {'for the whole server' if shared else 'here'}; {hint}")

    async def get(self, asker: Asker, key: str) -> Preset:
        """Return the preset that a form or menu knows by a key, if it is still there for the asker. Raises NotFound."""
        for shipped in SHIPPED:
            if shipped.key == key:
                return _shipped(shipped)
        if key.isascii() and key.isdigit() and int(key) <= _MAX_ID:
            found = await self._database.read(_by_id, asker, int(key))
            if found is not None:
                return found
        raise NotFound("That preset was changed or deleted meanwhile; `/preset list` shows what there is now.")

    async def of(self, asker: Asker) -> list[Preset]:
        """Return all presets that a member has: their own, the server's, and those that ship."""
        return await self._database.read(_list, asker)

    async def names(self, asker: Asker) -> list[tuple[str, Whose]]:
        """Return the names of all presets that a member has, each once, with whose is meant."""
        named: dict[str, tuple[str, Whose]] = {}
        for name, whose in await self._database.read(_names, asker):
            named.setdefault(fold(name), (name, whose))
        return list(named.values())

    async def delete(self, asker: Asker, key: str) -> None:
        """Delete a preset, the asker's own or the server's.

        Raises:
            NotFound: it is not there any more.
            BadOption: it ships with the bot.
        """
        preset = await self.get(asker, key)
        if preset.whose is Whose.SHIPPED:
            raise BadOption("name", f"{shown(preset.name)} ships with me, so it stays; save your own under its name.")
        if not await self._database.run(_delete, asker, preset):
            raise NotFound("That preset was changed or deleted meanwhile; `/preset list` shows what there is now.")


# Rules ---------------------------------------------------------------------------------------------------------------


def fold(name: str) -> str:
    """Return a name as names are compared: without case, odd spellings of letters, and runs of blanks."""
    return " ".join(unicodedata.normalize("NFKC", _seen(name)).casefold().split())


def checked_name(name: str) -> str:
    """Return a name as it is kept. Raises BadOption."""
    plain = " ".join(unicodedata.normalize("NFC", _seen(name)).split())
    if not fold(plain):
        raise BadOption("name", "`name` is empty; give the preset a name such as `night photo`.")
    if len(plain) > LONGEST_NAME:
        raise BadOption("name", f"`name` takes up to {LONGEST_NAME} characters, and {len(plain)} were given.")
    return plain


def _seen(name: str) -> str:
    """Return a name without what nobody sees; joiners stay, which some scripts and emoji are written with."""
    spaced = "".join(" " if sign.isspace() else sign for sign in name)
    return "".join(sign for sign in spaced if sign not in _UNSEEN and unicodedata.category(sign) not in {"Cc", "Cs"})


def read_values(values: Mapping[str, object]) -> dict[str, Plain]:
    """Return options as JSON holds them, without those that were left out.

    Raises:
        BadOption: for all that is wrong in them, together.
    """
    given = {name: value for name, value in values.items() if not options.is_empty(value)}
    faults: list[BadOption] = []
    prompt = given.get("prompt", "any")
    try:
        blanks(prompt if isinstance(prompt, str) else "")
    except BadOption as bad:
        faults.append(bad)
    nothing = {name for name, value in given.items() if name in options.NAMES and says_nothing(value)} - {"prompt"}
    said = {name: value for name, value in given.items() if name not in nothing}
    faults += options.examine({**said, "prompt": prompt}, [_ANY_PICTURE], draw=lambda: 0).faults
    if faults:
        raise BadOption(faults[0].option, together(faults))
    # To say nothing sets a server's default aside, wherever the preset is used.
    read = {name: NOTHING if name in nothing else _plain(name, given[name]) for name in options.NAMES if name in given}
    kept = {name: value for name, value in read.items() if value is not None}
    if not kept:
        raise BadOption(
            "options", "There is nothing to save yet: give a `prompt`, some `options`, or a result in `from`."
        )
    return kept


def together(faults: list[BadOption]) -> str:
    """Return what is wrong, in one text: a sentence, or a line for each."""
    sentences = [str(fault) for fault in faults]
    return sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences)


def made_with(request: EditRequest) -> dict[str, Plain]:
    """Return what a preset takes over from an edit: its settings and its prompt, without blanks."""
    values = {**options.settings_of(request), "prompt": literal(request.prompt)}
    return without_matched_size(values, request.references)


def without_matched_size(values: Mapping[str, Any], references: Sequence[Reference]) -> dict[str, Any]:
    """Return options for any pictures: without a size that is nothing but that of the first of these."""
    matched = {"x".join(map(str, options.match_size((one.width, one.height)))) for one in references[:1]}
    return {name: value for name, value in values.items() if name != options.SIZE or value not in matched}


def _plain(name: str, value: object) -> Plain | None:
    """Return a value as JSON holds it; ``None`` for a size that is that of whatever picture comes first."""
    if name != options.SIZE:
        parameter = options.parameter_named(name)
        return parameter.plain(parameter.read(value))
    small, large = (options.parse_size(str(value), (side, side)) for side in (512, 1024))
    return "x".join(map(str, small)) if small == large else None


# Units of work -------------------------------------------------------------------------------------------------------


async def _save(
    tx: Tx, asker: Asker, whose: Whose, name: str, folded: str, values: Mapping[str, Any], now: int
) -> tuple[bool, list[Preset]]:
    """Keep a preset; returns whether one of its name was there before, and all that have the name now."""
    maker_id = await accounts.ensure(tx, Scope.MEMBER, now, asker.guild_id, asker.user_id)
    shared = whose is Whose.SERVER
    owner_id = await accounts.ensure(tx, Scope.SERVER, now, asker.guild_id) if shared else maker_id
    await accounts.lock(tx, owner_id)  # so that they are counted as they are
    replaced = await presets.remove_named(tx, owner_id, folded)
    most = MOST_SHARED if shared else MOST_OWN
    if await presets.count(tx, owner_id) >= most:
        who = "This server has" if shared else "You have"
        raise BadOption("name", f"{who} {most} presets, which is as many as there can be: delete one first.")
    await presets.add(tx, owner_id, maker_id, name, folded, values, now)
    return replaced, await _all_named(tx, asker, folded)


async def _owners(tx: Tx, asker: Asker) -> dict[Whose, int]:
    """Return the accounts whose presets a member has, as far as anything was booked on them."""
    found = {
        Whose.OWN: await accounts.find(tx, Scope.MEMBER, asker.guild_id, asker.user_id),
        Whose.SERVER: await accounts.find(tx, Scope.SERVER, asker.guild_id),
    }
    return {whose: owner_id for whose, owner_id in found.items() if owner_id is not None}


async def _all_named(tx: Tx, asker: Asker, folded: str) -> list[Preset]:
    owners = await _owners(tx, asker)
    kept = [(whose, await presets.named(tx, owner_id, folded)) for whose, owner_id in owners.items()]
    found = [_kept(preset, whose) for whose, preset in kept if preset is not None]
    return found + [_shipped(shipped) for shipped in SHIPPED if fold(shipped.name) == folded]


async def _by_id(tx: Tx, asker: Asker, preset_id: int) -> Preset | None:
    kept = await presets.get(tx, preset_id)
    for whose, owner_id in (await _owners(tx, asker)).items():
        if kept is not None and kept.owner_id == owner_id:
            return _kept(kept, whose)
    return None


async def _list(tx: Tx, asker: Asker) -> list[Preset]:
    owners = await _owners(tx, asker)
    kept = [_kept(preset, whose) for whose, owner_id in owners.items() for preset in await presets.of(tx, owner_id)]
    return [*kept, *map(_shipped, SHIPPED)]


async def _names(tx: Tx, asker: Asker) -> list[tuple[str, Whose]]:
    owners = await _owners(tx, asker)
    kept = [(name, whose) for whose, owner_id in owners.items() for name in await presets.names(tx, owner_id)]
    return [*kept, *((shipped.name, Whose.SHIPPED) for shipped in SHIPPED)]


async def _delete(tx: Tx, asker: Asker, preset: Preset) -> bool:
    return await presets.remove(tx, int(preset.key), (await _owners(tx, asker))[preset.whose])


def _kept(kept: Kept, whose: Whose) -> Preset:
    return Preset(str(kept.id), kept.name, whose, kept.values, maker_id=kept.maker_user_id, made_at=kept.made_at)


def _shipped(shipped: Shipped) -> Preset:
    values = {"prompt": shipped.prompt, **shipped.options}
    return Preset(shipped.key, shipped.name, Whose.SHIPPED, values, shipped.pictures, shipped.about, shipped.example)
