"""The forms of a draft, and how a sent one is read; see :mod:`cogs._forms` why nothing of them is kept.

They are made of the table of parameters (:data:`bot.options.PARAMETERS`): a field for each option of a group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import discord
from discord import ui

from bot import options
from bot.errors import BadOption, TooLate
from bot.options import SIZE, Choice, Counted, Flag, Loras, Parameter, Scheduler, Text
from cogs import _words as words
from cogs._components import ID
from cogs._draft_components import LEAVE, NAMED, Form
from cogs._forms import check_number, files_of, filled_in
from storage.drafts import Draft
from storage.records import NOTHING, Bound, House, Reference, says_nothing

#: How the fields are called that bring pictures in.
RESULTS: Final = "Results to bring in"
FILES: Final = "Files to bring in"
#: Discord's bounds for the parts of a form.
_LONGEST: Final = 4000
_DESCRIPTION: Final = 100
_LABEL: Final = 45
_OPTION: Final = 100
#: The longest line that is no prose; more than any value that is right, so that a wrong one can be shown.
_LINE: Final = 100
#: The LoRAs that the server lets in take so many characters, and the name of each so many.
_LISTED: Final = 2000
_NAME: Final = 60
_SHA: Final = 12
#: An example, where the server allows it.
_SUCH_AS: Final = (1024, 768)
_CUSTOM_ID: Final = re.compile(
    rf"form-draft:(?P<draft>{ID}):(?P<form>{'|'.join(Form)}):(?P<version>{ID}):(?P<kept>[0-9]*)", re.ASCII
)
#: What is no text and so cannot be shown in a field; sent again without it, the words are mended.
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_FACES: Final = (
    "⚠️ Runware documents face enhancement for **SD 1.x, SDXL and FLUX** only. With this model, expect no effect, "
    "or a refusal."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a person filled in, not judged yet."""

    draft_id: int
    form: Form
    #: When the draft was changed last, as the form shows it.
    version: int
    #: The options whose text was too long to be shown: left empty, they stay as they are.
    kept: frozenset[str]
    #: The filled-in fields by custom id, as Discord describes them.
    fields: Mapping[str, Mapping[str, Any]]
    #: As Discord describes them.
    files: tuple[Any, ...] = field(default=())

    def text(self, name: str) -> str:
        """Return what was typed in a field."""
        return str(self.fields.get(name, {}).get("value") or "").strip()

    def chosen(self, name: str) -> list[str]:
        """Return what was chosen in a field."""
        return list(self.fields.get(name, {}).get("values") or [])


# Opening -------------------------------------------------------------------------------------------------------------


def form(draft: Draft, which: Form, prompt: str | None, house: House) -> ui.Modal:
    """Return the form of a group of options, filled with what the draft has; ``prompt`` is the one it has now."""
    values = {**draft.values, "prompt": prompt}
    parts, kept = list[ui.Item[Any]](), list[str]()
    note = _note(which, house)
    if note:
        parts.append(ui.TextDisplay(note))
    if which is Form.PICTURE:
        parts.append(_size(values, house))
    for number, parameter in enumerate(_asked(which)):
        shown = _NO_TEXT.sub("", parameter.typed(values.get(parameter.name)))
        if len(shown) > _room(parameter):
            kept.append(str(number))
        parts.append(_field(parameter, values.get(parameter.name), shown, house))
    return _modal(draft, which, parts, "".join(kept))


def pictures(draft: Draft, named: Sequence[str]) -> ui.Modal:
    """Return the form that asks which pictures to keep and to bring in; ``named`` is how each is called now."""
    parts: list[ui.Item[Any]] = []
    if draft.references:
        keep = [
            discord.CheckboxGroupOption(label=_option(number, name), value=_key(number, reference), default=True)
            for number, (reference, name) in enumerate(zip(draft.references, named, strict=True), 1)
        ]
        group: ui.CheckboxGroup[Any] = ui.CheckboxGroup(
            custom_id="keep", options=keep, required=False, min_values=0, max_values=len(keep)
        )
        parts.append(ui.Label(text="Which ones stay?", component=group))
    if len(draft.references) > 1:
        first = [
            discord.SelectOption(label=_option(number, name), value=_key(number, reference), default=number == 1)
            for number, (reference, name) in enumerate(zip(draft.references, named, strict=True), 1)
        ]
        menu: ui.Select[Any] = ui.Select(custom_id="first", options=first, required=False, min_values=0)
        parts.append(ui.Label(text="Which one comes first?", description="The one to start from", component=menu))
    line = _line("results", "#12 #15", _LINE * 2)
    parts.append(ui.Label(text=RESULTS, description="By their #ids, or links of them", component=line))
    files: ui.FileUpload[Any] = ui.FileUpload(
        custom_id="files", required=False, min_values=0, max_values=options.MAX_REFERENCES
    )
    what = f"An edit starts from 1 to {options.MAX_REFERENCES} pictures; say what each is for in your words."
    parts.append(ui.Label(text=FILES, description=what, component=files))
    return _modal(draft, Form.PICTURES, parts)


def _asked(which: Form) -> list[Parameter]:
    """Return the options that a form asks for; there are fewer than ten."""
    return [parameter for parameter in options.PARAMETERS if parameter.group is which.group]


def _modal(draft: Draft, which: Form, parts: Sequence[ui.Item[Any]], kept: str = "") -> ui.Modal:
    label, emoji = NAMED[which]
    custom_id = f"form-draft:{draft.id}:{which}:{draft.changed_at}:{kept}"
    modal = ui.Modal(title=f"{emoji} {label}", custom_id=custom_id, timeout=None)
    for part in parts:
        modal.add_item(part)
    modal.stop()
    return modal


def _note(which: Form, house: House) -> str:
    if which in (Form.FACE, Form.FACE_MASK):
        return _FACES
    if which is not Form.LORAS:
        return ""
    if not house.loras:
        return "The managers of this server have let no LoRA in yet."
    listed = [f"- `{air}` {words.plain(words.cut(words.one_line(name), _NAME))}" for air, name in house.loras.items()]
    return "\n".join(["This server lets in:", *words.fitting(listed, _LISTED, "- and {} more: `/lora list`")])


def _size(values: Mapping[str, Any], house: House) -> ui.Label[Any]:
    standard = house.defaults.get(SIZE)
    otherwise = "that of the first picture" if standard is None else f"{standard}, as this server set it"
    line = _line(SIZE, f"Left out: {otherwise}", _LINE, options.typed(SIZE, values.get(SIZE)))
    most = options.figure(house.bounds.get(SIZE, Bound()).most or options.MAX_SIDE)
    such_as = "x".join(map(str, options.size_within(_SUCH_AS, house)))
    what = f"Width x height, such as {such_as}: from {options.MIN_SIDE} to {most} in steps of {options.GRID}"
    return ui.Label(text=SIZE, description=what, component=line)


def _field(parameter: Parameter, value: object, shown: str, house: House) -> ui.Label[Any]:
    control: ui.Item[Any]
    label, otherwise = parameter.name, _otherwise(parameter, house)
    if isinstance(parameter, Flag):
        control = ui.Checkbox(custom_id=parameter.name, default=_checked(parameter, value, house))
    elif isinstance(parameter, Choice):
        control = _menu(parameter, value, otherwise, house)
    else:
        fits = len(shown) <= _room(parameter)
        hint = (
            f"{otherwise}{_or_nothing(parameter, house)}"
            if fits
            else f"Empty keeps the {len(shown):,} characters it has"
        )
        control = _line(parameter.name, hint, _room(parameter), shown if fits else "")
        if isinstance(parameter, Counted) and (within := _within(parameter, house).range):
            label = f"{parameter.name} ({within})"
    return ui.Label(text=label[:_LABEL], description=parameter.says[:_DESCRIPTION], component=control)


def _within(parameter: Counted, house: House) -> Counted:
    """Return an option with the bounds that it has in this server."""
    bound = house.bounds.get(parameter.name, Bound())
    least = parameter.least if bound.least is None else bound.least
    most = parameter.most if bound.most is None else bound.most
    return replace(parameter, least=least, most=most)


def _menu(parameter: Choice, value: object, otherwise: str, house: House) -> ui.Select[Any]:
    nothing = says_nothing(value)
    try:
        now = None if nothing else parameter.read(value)
    except BadOption:
        now = None
    choices = [discord.SelectOption(label=otherwise[:_OPTION], value=LEAVE, default=now is None and not nothing)]
    if nothing or parameter.name in house.defaults:
        label = f"Not what this server set: {parameter.otherwise}"
        choices.append(discord.SelectOption(label=label, value=NOTHING, default=nothing))
    choices += [discord.SelectOption(label=name, value=name, default=name == now) for name in parameter.choices]
    return ui.Select(custom_id=parameter.name, options=choices, required=False, min_values=0)


def _line(name: str, hint: str, room: int, shown: str = "") -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=name,
        style=discord.TextStyle.paragraph if room > 2 * _LINE else discord.TextStyle.short,
        default=shown[:room] or None,
        required=False,
        max_length=room,
        placeholder=hint[:_LINE],
    )


def _room(parameter: Parameter) -> int:
    return _LONGEST if isinstance(parameter, Text | Loras) else _LINE


def _otherwise(parameter: Parameter, house: House) -> str:
    """Say what stands for an option that is left out, and what the server bounds it to."""
    standard = house.defaults.get(parameter.name)
    if standard is None:
        said = f"Left out: {parameter.otherwise}"
    else:
        said = f"Left out: {words.cut(parameter.typed(standard), _LABEL)}, as this server set it"
    if parameter.name == "prompt" and standard is None:
        said = "Say what to change"
    bound = house.bounds.get(parameter.name)
    ends = [] if bound is None else [("at least", bound.least), ("at most", bound.most)]
    here = [f"{which} {options.figure(end)}" for which, end in ends if end is not None]
    return f"{said} · here {words.listed(here)}" if here else said


def _or_nothing(parameter: Parameter, house: House) -> str:
    """Say how the server's default for an option is set aside, where there is one."""
    return f" · {NOTHING}: {parameter.otherwise}" if parameter.name in house.defaults else ""


def _checked(parameter: Flag, value: object, house: House) -> bool:
    """Tell whether a checkbox is ticked: by what was said, else by what stands for it."""
    if says_nothing(value):
        return False
    try:
        said = parameter.read(value)
    except BadOption:
        said = None
    return bool(house.defaults.get(parameter.name)) if said is None else said


def _option(number: int, name: str) -> str:
    return words.cut(f"Picture {number} · {words.one_line(name)}", _OPTION)


def _key(number: int, reference: Reference) -> str:
    return f"{number}-{reference.sha256[:_SHA]}"


# Reading -------------------------------------------------------------------------------------------------------------


def read(data: Mapping[str, Any]) -> Sent | None:
    """Return what a sent form says, given the data of its interaction, or ``None`` when it is none of a draft."""
    match = _CUSTOM_ID.fullmatch(data.get("custom_id", ""))
    if match is None:
        return None
    which = Form(match["form"])
    return Sent(
        draft_id=int(match["draft"]),
        form=which,
        version=int(match["version"]),
        kept=frozenset(asked.name for number, asked in enumerate(_asked(which)) if str(number) in match["kept"]),
        fields=filled_in(data),
        files=files_of(data),
    )


def changes(sent: Sent, draft: Draft, prompt: str | None, house: House) -> dict[str, Any]:
    """Return what a sent form changes, by option name; ``None`` leaves an option out. ``prompt``: that of the draft now."""
    found: dict[str, Any] = {}
    for name, given in sent.fields.items():
        parameter, before = options.BY_NAME.get(name), draft.values.get(name)
        if name == "prompt":
            before = prompt
        if isinstance(parameter, Flag):
            found |= _ticked(parameter, given.get("value") is True, before, house)
        elif isinstance(parameter, Choice):
            # Nothing chosen is nothing said: to leave it out is a choice of its own.
            found |= _picked(name, sent.chosen(name), before)
        elif name == SIZE or (parameter is not None and not isinstance(parameter, Scheduler)):
            text = sent.text(name)
            same = text == _unix(options.typed(name, before)).strip()
            if not same and (text or name not in sent.kept):
                found[name] = text or None
    return found


def _picked(name: str, chosen: Sequence[str], before: object) -> dict[str, Any]:
    """Return what a menu changes: nothing where nothing else is chosen than it had."""
    for one in chosen:
        picked = None if one == LEAVE else one
        return {} if picked == before else {name: picked}
    return {}


def _ticked(parameter: Flag, ticked: bool, before: object, house: House) -> dict[str, Any]:
    """Return what a checkbox changes: nothing where it stands as it stood."""
    if ticked == _checked(parameter, before, house):
        return {}
    # Without a tick it is left out, unless the server would then fill in a yes.
    standard = bool(house.defaults.get(parameter.name))
    return {parameter.name: None if ticked == standard else ticked}


def arranged(sent: Sent, draft: Draft, more: Sequence[Reference]) -> tuple[Reference, ...]:
    """Return the pictures that a draft has after a sent form: what stays, the chosen one first, then what came.

    Raises:
        TooLate: the draft was changed since the form was opened.
        BadOption: they are too many.
    """
    if draft.changed_at != sent.version:
        raise TooLate("The draft was changed while you had this form open, so nothing was done. Press Pictures again.")
    kept, first = sent.chosen("keep"), sent.chosen("first")
    numbered = [(_key(number, reference), reference) for number, reference in enumerate(draft.references, 1)]
    stay = sorted((one for one in numbered if one[0] in kept), key=lambda one: one[0] not in first)
    whole = tuple(dict.fromkeys([*(reference for _, reference in stay), *more]))
    check_number(len(whole), ticked=bool(stay))
    return whole


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")
