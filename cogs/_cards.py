"""What people read: jobs and results as Discord layouts. Pure: records in, a fresh view out, nothing read or sent.

Each card is one container. Its component id (:func:`mark`) tells which message of which job it is, so that the bot
finds its own message again when it cannot know whether a post went through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import discord
from discord import ui

from bot.edits import APPROVAL_LIFE, PAUSE_LIFE, PAUSED, UNAPPROVED
from bot.lineage import Before
from bot.orders import DECLINED
from bot.quota import basis, dollars, paused_where
from bot.runware.errors import Kind, classify, member_sentence
from cogs import _alt as alt
from cogs import _words as words
from cogs._components import (
    AgainButton,
    ApproveButton,
    CancelButton,
    DeclineButton,
    DeleteButton,
    EditButton,
    EditPickButton,
    MoreButton,
    NoButton,
    PressButton,
    RerollButton,
    StarButton,
    StarPickButton,
    YesButton,
)
from cogs._layout import AMBER, BLUE, GREEN, GREY, RED, TEXT, Part, card, file, gallery, row, text
from cogs._reference_lines import label, reference_lines
from storage.offers import Offer
from storage.records import (
    Acceleration,
    Announcement,
    AnnouncementKind,
    EditRequest,
    FaceFix,
    Job,
    Lora,
    Pause,
    Price,
    Result,
    Status,
)

#: A prompt that does not fit whole is cut to this, and comes as a file.
_PROMPT_CUT: Final = 900
_PROMPT_ON_CARD: Final = 350
_NEGATIVE: Final = 120
_REASON: Final = 1000
_MODEL: Final = 40
#: So many LoRAs are named: there may be more, with long names, than a message has room for.
_LORAS: Final = 4
#: ``Edits.position`` counts so far and then says "more".
_COUNTED_PLACES: Final = 10
#: Component ids are 32-bit; each job has so many of its own, the first for its status.
_MARKS: Final = 16

PROMPT_FILE: Final = "prompt.txt"


@dataclass(frozen=True, slots=True)
class Parent:
    """The result an edit started from, as far as it still stands."""

    id: int
    user_id: int | None = None
    #: Where its message is, if there is one that others can see.
    address: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """All that one message about the end of a job shows."""

    job: Job
    #: ``None``: it shows a result once more, beside its own message.
    announcement: Announcement | None
    #: The results of this message, by position; and how many results the job has in all.
    results: Sequence[Result] = ()
    made: int = 0
    #: The names of the files that come with the message, by result id.
    files: Mapping[int, str] = field(default_factory=dict[int, str])
    parent: Parent | None = None
    #: What led to the job, for the alt texts.
    before: Before = field(default_factory=Before)
    #: Whether people can press buttons where it stands: not in a direct message.
    buttons: bool = True
    #: So many characters are kept free for what is said below it.
    reserved: int = 0
    #: Whether there is more to be seen of its pictures elsewhere.
    more: bool = True
    #: Discord's ids of those who are writing an edit of it.
    writing: Sequence[int] = ()
    #: What it is a part of, in words; empty where it stands alone.
    note: str = ""

    @property
    def shown(self) -> list[Result]:
        """The results whose pictures it shows."""
        return [result for result in self.results if result.usable and result.id in self.files]


def mark(job_id: int, announcement: Announcement | None = None) -> int:
    """Return the component id of a card: the status of a job, or one of the messages about its end."""
    return (job_id * _MARKS + (0 if announcement is None else 1 + announcement.index)) % (1 << 31) + 1


# Before a job -----------------------------------------------------------------------------------------------------


def checking(user_id: int, prompt: str, *, here: bool) -> ui.LayoutView:
    """Return the acknowledgement of an edit, before its pictures were read. ``here``: it was asked in a thread."""
    goes_on = "it goes on here" if here else "it goes on in a thread below"
    return card(
        text(words.quoted(prompt, _PROMPT_ON_CARD)[0]),
        text(f"-# {words.who(user_id)} asks for an edit · looking at the pictures, then {goes_on}"),
        colour=GREY,
    )


def starter(
    user_id: int, request: EditRequest, *, pictures: Sequence[tuple[str, str]], parent: Parent | None, here: bool
) -> ui.LayoutView:
    """Return the reply to an edit, which its thread hangs on.

    ``pictures`` are the names and alt texts of the files that came with the request and now come with the message.
    """
    goes_on = "" if here else " · the edit goes on in the thread below"
    return card(
        text(words.quoted(request.prompt, _PROMPT_ON_CARD)[0]),
        *gallery(pictures),
        text(
            f"{words.who(user_id)}{_started_from(parent)}",
            *reference_lines(request.references),
            f"-# {_plan(request)}{goes_on}",
        ),
        colour=BLUE,
    )


def offer(offer: Offer, price: Price, *, pictures: Sequence[tuple[str, str]], shown: int | None) -> ui.LayoutView:
    """Return the question whether an edit should be made at its price. ``shown``: the price its asker knew."""
    about = f"about **{dollars(price.estimate)}**, {basis(price.basis)}"
    instead = "" if shown is None or shown >= price.estimate else f" instead of {dollars(shown)}"
    return card(
        text(words.quoted(offer.request.prompt, _PROMPT_ON_CARD)[0]),
        *gallery(pictures),
        text(
            f"{words.who(offer.user_id)}, this edit will cost {about}{instead}. Shall I make it?",
            *reference_lines(offer.request.references),
            f"-# {_plan(offer.request)} · up to {dollars(price.hold)} is held till it is done · "
            "the question stands for an hour",
        ),
        row(YesButton(offer.id, price.estimate), NoButton(offer.id)),
        colour=AMBER,
    )


def declined(offer: Offer) -> ui.LayoutView:
    """Return what takes the place of a question that was answered with no."""
    return card(
        text(words.quoted(offer.request.prompt, _PROMPT_ON_CARD)[0]),
        text(f"-# {words.who(offer.user_id)} decided against it · nothing was charged"),
        colour=GREY,
    )


def forgotten(number: int | None = None) -> ui.LayoutView:
    """Return what takes the place of the messages about an edit whose asker was forgotten."""
    return card(text("-# Somebody who was forgotten asked for an edit here."), colour=GREY, number=number)


def attached(message: discord.Message | discord.InteractionMessage) -> list[tuple[str, str]]:
    """Return the names and alt texts of the files that stand in a message."""
    return [(file.filename, file.description or "") for file in message.attachments]


# The status of a job ----------------------------------------------------------------------------------------------


def status(
    job: Job,
    *,
    position: int | None = None,
    pause: Pause | None = None,
    parent: Parent | None = None,
    pictures: Sequence[tuple[str, str]] = (),
    results: Sequence[Result] = (),
) -> ui.LayoutView:
    """Return the card that tells where a job stands.

    In a thread of its own it leaves the prompt to the message above. Asked for inside a thread, it is the reply itself
    and shows the prompt and the pictures that came with it. ``results``: all that the job made.
    """
    lines, colour = _STATES[job.status](job, position, results) if pause is None else _paused(job, pause)
    facts = f"-# {words.who(job.user_id)}{_started_from(parent)}{_chosen(job)} · {_plan(job.request)}"
    state = text(*lines, *reference_lines(job.request.references), facts)
    cancel = _BUTTONS.get(job.status, ())
    presses = [row(*(button(job.id) for button in cancel))] if cancel else []
    if job.place.thread_id == job.place.reply_id:
        return card(state, *presses, colour=colour, number=mark(job.id))
    prompt = text(words.quoted(job.request.prompt, _PROMPT_ON_CARD)[0])
    return card(prompt, *gallery(pictures), state, *presses, colour=colour, number=mark(job.id))


_State: TypeAlias = tuple[list[str], discord.Colour]


def _waiting(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position, results
    why = f"In this server, a manager approves what costs so much: {_expected(job)}."
    ends = f"Without an answer it is given back {words.since(job.created_at + APPROVAL_LIFE)}."
    return ["### 🕰️ Waiting for a manager", why, ends], AMBER


def _queued(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del results
    asked = f"Asked {words.since(job.created_at)} · {_expected(job)} · you can still cancel"
    return [f"### ⏳ {_in_line(position)}", asked], GREY


def _paused(job: Job, pause: Pause) -> _State:
    reason = words.plain(words.cut(words.one_line(pause.reason), _REASON))
    ends = words.since(pause.paused_at + PAUSE_LIFE)
    return [
        f"### ⏸️ Paused {paused_where(pause)}",
        f"{reason}",
        f"It goes on when the pause ends; if that takes too long, it is cancelled {ends}.",
        f"{_expected(job)[0].upper()}{_expected(job)[1:]} · you can still cancel",
    ], AMBER


def _submitting(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position, results
    return ["### 📤 On its way to Runware", f"{_expected(job)} · {_TOO_LATE}"], BLUE


def _submitted(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position, results
    begun = words.since(job.first_post_at or job.created_at)
    return ["### 🎨 Being edited", f"Started {begun} · {_expected(job)} · {_TOO_LATE}"], BLUE


def _succeeded(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position
    allowed = [result for result in results if not result.nsfw]
    taken_down = sum(result.deleted_at is not None for result in allowed)
    if results and not allowed:
        return [f"🙈 **Withheld** by the content check · {_price(job)} · what to do stands below"], GREY
    if allowed and taken_down == len(allowed):
        return [f"🗑️ **Taken down** · {words.counted(taken_down, 'picture')} · {_price(job)}"], GREY
    pictures = words.counted(len(allowed) or job.request.results, "picture")
    gone = f", {taken_down} taken down" if taken_down else ""
    return [f"✅ **Done** · {pictures}{gone} in {words.lasting(_took(job))} · {_price(job)}"], GREEN


def _failed(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position, results
    charged = "nothing was charged" if job.cost is None else f"a picture came after all, for {_price(job)}"
    return [f"⚠️ **It did not work** · {charged} · what to do stands below"], RED


def _expired(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position, results
    return [f"⌛ **No answer in time** · nothing was charged, and {dollars(job.hold)} is free again"], AMBER


def _cancelled(job: Job, position: int | None, results: Sequence[Result]) -> _State:
    del position, results
    head = _CANCELLED.get(job.error_code or "", "**Cancelled**")
    return [f"🚫 {head} · nothing was charged, and {dollars(job.hold)} is free again"], GREY


def _expected(job: Job) -> str:
    return f"about {dollars(job.estimate)}, up to {dollars(job.hold)} held"


_CANCELLED: Final = {
    DECLINED: "**A manager declined it**",
    UNAPPROVED: "**No manager answered for a day**",
    PAUSED: "**Cancelled: the pause lasted for an hour**",
}
_BUTTONS: Final[Mapping[Status, tuple[type[PressButton], ...]]] = {
    Status.WAITING: (ApproveButton, DeclineButton, CancelButton),
    Status.QUEUED: (CancelButton,),
}


_TOO_LATE: Final = "it can't be cancelled any more and will be paid for"
_STATES: Final = {
    Status.WAITING: _waiting,
    Status.QUEUED: _queued,
    Status.SUBMITTING: _submitting,
    Status.SUBMITTED: _submitted,
    Status.SUCCEEDED: _succeeded,
    Status.FAILED: _failed,
    Status.EXPIRED: _expired,
    Status.CANCELLED: _cancelled,
}


def _in_line(position: int | None) -> str:
    if position is None or position == 1:
        return "Next in line"
    if position > _COUNTED_PLACES:
        return f"In line, more than {_COUNTED_PLACES} edits ahead"
    return f"{words.ordinal(position)} in line"


# The end of a job -------------------------------------------------------------------------------------------------


def ending(post: Post) -> ui.LayoutView:
    """Return one message about the end of a job: its pictures, or why there are none."""
    if _shows_results(post):
        return card(*result_parts(post), colour=GREEN if post.shown else AMBER, number=_mark(post))
    return _no_results(post)


def needs_prompt_file(post: Post) -> bool:
    """Return whether the prompt is shown cut, so that the whole has to come as :data:`PROMPT_FILE`."""
    return _shows_results(post) and not _prompt(post)[1]


def _shows_results(post: Post) -> bool:
    return post.announcement is None or post.announcement.kind is AnnouncementKind.RESULTS


def _mark(post: Post) -> int | None:
    return None if post.announcement is None else mark(post.job.id, post.announcement)


def file_name(result: Result, media_type: str) -> str:
    """Return the name of a result's file, such as ``12-seed-29892.jpg``."""
    extension = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}.get(media_type, "png")
    return f"{result.id}.{extension}" if result.seed is None else f"{result.id}-seed-{result.seed}.{extension}"


def result_of(name: str) -> str:
    """Return the number of the result whose file has this name, the other way round of :func:`file_name`."""
    return name.partition(".")[0].partition("-")[0]


def result_parts(post: Post) -> list[Part]:
    """Return what every message about results is made of: the pictures, the prompt, the facts and the buttons."""
    prompt, whole = _prompt(post)
    return [
        *gallery(
            [(post.files[result.id], alt.of_result(post.job.request, result, post.before)) for result in post.shown]
        ),
        text(prompt),
        *([] if whole else [file(PROMPT_FILE)]),
        text(_about(post)),
        *([_result_buttons(post)] if post.buttons else []),
    ]


def _prompt(post: Post) -> tuple[str, bool]:
    room = TEXT - post.reserved - len(_about(post)) - len(f"attachment://{PROMPT_FILE}")
    quote, whole = words.quoted(post.job.request.prompt, room)
    return (quote, True) if whole else (words.quoted(post.job.request.prompt, min(room, _PROMPT_CUT))[0], False)


def _about(post: Post) -> str:
    job, shown = post.job, post.shown
    asked = f"{words.who(job.user_id)}{_started_from(post.parent)}{_chosen(job)}"
    if len(shown) == 1:
        head = f"**{shown[0].short_id}** · {asked}"
        facts = f"{_seed(job, shown[0])} · {_size(job, shown[0])} · {words.lasting(_took(job))} · {_costs(post)}"
    else:
        head = f"**{words.counted(len(shown), 'picture')}** · {asked}" if shown else asked
        each = " · ".join(f"**{result.short_id}**\u00a0{_seed(job, result)}{_stars(result)}" for result in shown)
        size = _size(job, shown[0]) if shown else words.size(job.request.width, job.request.height)
        sums = f"{size} · {words.lasting(_took(job))} · **{_price(job)}**"
        facts = f"{each}\n{sums}" if each else sums
    notes = [f"-# {note}" for note in (post.note, _settings(job.request)) if note]
    return "\n".join([head, facts, *notes, *_closed(post), *_writing(post), *_missing(post), *_where_to(post)])


def _costs(post: Post) -> str:
    """Return what a message about one picture says of its cost: of an edit that made several, its share."""
    job = post.job
    if post.announcement is not None or post.made <= 1 or job.cost is None:
        return f"**{_price(job)}**"
    return f"**{dollars(-(-job.cost // post.made))}** of {_price(job)}"


def _stars(result: Result) -> str:
    return f"\u00a0⭐{result.stars}" if result.stars else ""


def _closed(post: Post) -> list[str]:
    """Name the pictures that nobody edits but who asked for them."""
    closed = [result.short_id for result in post.shown if result.closed_at is not None]
    return [f"-# 🔒 Only {words.who(post.job.user_id)} edits {words.listed(closed)}."] if closed else []


def _writing(post: Post) -> list[str]:
    """Say who is writing an edit of it now, so that nobody pays for the same idea by accident."""
    if not post.writing:
        return []
    who = words.listed([words.who(user_id) for user_id in post.writing])
    return [f"-# ✍️ {who} {'is writing an edit' if len(post.writing) == 1 else 'are writing edits'} of it"]


def _missing(post: Post) -> list[str]:
    """Name, in words, every picture that was asked for and is not shown."""
    lines: list[str] = []
    if withheld := [result for result in post.results if result.nsfw]:
        lines.append(f"🔒 {_named(withheld)} withheld by the content check, and paid for. Other words may pass.")
    if deleted := [result for result in post.results if not result.nsfw and result.deleted_at is not None]:
        lines.append(f"🗑️ {_named(deleted)} taken down.")
    lost = [result for result in post.results if result not in (*post.shown, *withheld, *deleted)]
    coming = [result for result in lost if result.sha256 is None and result.lost is None]
    lines += [f"⏳ {result.short_id} was made just now and is being copied." for result in coming]
    lines += [
        f"🕳️ {result.short_id} is lost: {_LOST[result.lost or 'swept']}" for result in lost if result not in coming
    ]
    asked, last = post.job.request.results, not post.results or post.results[-1].position == post.made - 1
    if last and post.made < asked and post.announcement is not None:
        code = post.job.error_code
        why = f" {member_sentence(classify(code), code)}" if code else ""
        lines.append(f"⚠️ {asked - post.made} of {words.counted(asked, 'picture')} could not be made.{why}")
    return lines


def _named(results: Sequence[Result]) -> str:
    return f"{words.listed([result.short_id for result in results])} {'was' if len(results) == 1 else 'were'}"


_LOST: Final = {
    "swept": "nobody used it for long, and it cannot be read back from its message. Its recipe makes it again.",
    "gone": "it was gone before it could be copied. Its recipe makes it again.",
    "refused_host": "it came from an address this bot does not trust. Please tell whoever runs the bot.",
    "not_a_picture": "what came was not a picture. Try again.",
}


def _where_to(post: Post) -> list[str]:
    if post.buttons or not post.shown:
        return []
    return [f"-# To carry on from it, use `/edit from:{post.shown[0].short_id}` in the server."]


def _result_buttons(post: Post) -> Part:
    shown = post.shown
    if not shown:
        return row(AgainButton(post.job.id))
    first, stars = shown[0].id, sum(result.stars for result in shown)
    if len(shown) == 1:
        edit, star = EditButton(first), StarButton(first, stars)
    else:
        edit, star = EditPickButton(post.job.id), StarPickButton(post.job.id, stars)
    more = [MoreButton(first)] if post.more else []
    return row(edit, RerollButton(first), star, *more, DeleteButton(first))


def _no_results(post: Post) -> ui.LayoutView:
    job = post.job
    if post.announcement is not None and post.announcement.kind is AnnouncementKind.FAILED:
        headline, colour = "⚠️ This edit did not work", RED
        reason = why_failed(job)
    else:
        headline, colour = "⌛ This edit got no answer in time", AMBER
        reason = "Runware has been silent for too long. Try again; should the picture still come, it is posted here."
    prompt = words.quoted(job.request.prompt, _PROMPT_ON_CARD)[0]
    free = f"-# {words.who(job.user_id)} · nothing was charged; the {dollars(job.hold)} held for it is free again"
    return card(
        text(f"### {headline}", reason),
        text(prompt),
        text(free),
        *([row(AgainButton(job.id))] if post.buttons else []),
        colour=colour,
        number=_mark(post),
    )


def why_failed(job: Job) -> str:
    """Return why a job failed: in our words, and where an option was refused, in Runware's own as well."""
    code = job.error_code or "unknown"
    kind = classify(code)
    ours = words.cut(member_sentence(kind, code), _REASON)
    if kind is not Kind.VALIDATION or not job.error_message:
        return ours
    return f"{ours}\n-# Runware's own words: {words.plain(words.one_line(job.error_message))}"


# Pieces -----------------------------------------------------------------------------------------------------------


def _started_from(parent: Parent | None) -> str:
    if parent is None:
        return ""
    if parent.gone:
        return f" · from #{parent.id}, which is gone"
    number = f"#{parent.id}" if parent.address is None else f"[#{parent.id}]({parent.address})"
    return f" · from {number} by {words.who(parent.user_id)}"


def _chosen(job: Job) -> str:
    return " · chosen in a round, paid by the pool" if job.pooled else ""


def _plan(request: EditRequest) -> str:
    """Return what was asked for, in short."""
    parts = [words.size(request.width, request.height), words.counted(request.steps, "step")]
    if request.results > 1:
        parts.insert(0, words.counted(request.results, "picture"))
    return " · ".join(parts)


def _settings(request: EditRequest) -> str:
    """Return with what a picture was made, in short; only what was set."""
    parts = [words.counted(request.steps, "step")]
    if request.cfg is not None:
        parts.append(f"CFG {request.cfg:g}")
    if request.true_cfg is not None:
        parts.append(f"true CFG {request.true_cfg:g}")
    if request.scheduler is not None:
        parts.append(words.plain(request.scheduler))
    if request.output_format is not None:
        parts.append(request.output_format)
    parts += _loras(request.loras)
    if faster := _faster(request.acceleration):
        parts.append(f"faster by {words.listed(faster)}")
    if request.face != FaceFix():
        parts.append("face enhancement")
    if request.references:
        parts.append(f"with {words.listed([label(reference) for reference in request.references])}")
    if request.negative is not None:
        parts.append(f"without: {words.plain(words.cut(words.one_line(request.negative), _NEGATIVE))}")
    return " · ".join(parts)


def _loras(loras: Sequence[Lora]) -> list[str]:
    named = [
        f"{words.plain(words.cut(lora.model, _MODEL))} {1 if lora.weight is None else lora.weight:g}"
        for lora in loras[:_LORAS]
    ]
    return named if len(loras) <= _LORAS else [*named, words.counted(len(loras) - _LORAS, "more LoRA")]


def _faster(faster: Acceleration) -> list[str]:
    caches = {
        "First Block Cache": faster.fb_cache,
        "TeaCache": faster.tea_cache,
        "CacheDiT": faster.db_cache,
    }
    return [name for name, used in caches.items() if used]


def _seed(job: Job, result: Result) -> str:
    return f"seed\u00a0`{job.request.seed if result.seed is None else result.seed}`"


def _size(job: Job, result: Result) -> str:
    return words.size(result.width or job.request.width, result.height or job.request.height)


def _took(job: Job) -> int:
    begun = job.first_post_at or job.created_at
    return (job.ended_at or begun) - begun


def _price(job: Job) -> str:
    if job.cost is None:
        return "cost pending"
    return f"{dollars(job.cost)} estimated" if job.estimated else dollars(job.cost)
