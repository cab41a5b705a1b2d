"""Rounds as people read them: the card with the proposals, what a voter alone is told, and how it ended. Pure.

How many votes a proposal has stays hidden till the end, so that nobody follows the crowd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord
from discord import ui

from bot.quota import dollars
from bot.rounds import RoundView
from cogs import _words as words
from cogs._layout import AMBER, BLUE, GREEN, GREY, RED, TEXT, Part, card, gallery, row, text
from cogs._round_components import ProposeButton, StopButton, VoteMenu
from storage.records import Proposal, Round, RoundState

#: The longest label of a menu's option.
_LABEL: Final = 100
#: So many lines of a proposal stand on the card; whoever votes for it is shown all of them.
_LINES: Final = 6
_REASON: Final = 1000
#: Jobs count their component ids from the bottom (see :func:`cogs._cards.mark`), rounds from the top.
_HIGHEST: Final = (1 << 31) - 1
_ROUNDS: Final = 1 << 28


@dataclass(frozen=True, slots=True)
class Ending:
    """How a round ended, in words."""

    head: str
    lines: tuple[str, ...]
    colour: discord.Colour


def mark(round_id: int) -> int:
    """Return the component id of the message that tells how a round ended."""
    return _HIGHEST - round_id % _ROUNDS


def board(view: RoundView, *, pictures: Sequence[tuple[str, str]]) -> ui.LayoutView:
    """Return the card of a round as it stands. ``pictures``: the names and alt texts of the files that come with it."""
    draw = _current if view.round.state is RoundState.OPEN else _ended
    return draw(view, pictures)


# While it is open ----------------------------------------------------------------------------------------------------


def opening(user_id: int, result_id: int) -> ui.LayoutView:
    """Return the acknowledgement of a round, before it was opened."""
    return card(text(f"-# {words.who(user_id)} opens a round about #{result_id}"), colour=GREY)


def _current(view: RoundView, pictures: Sequence[tuple[str, str]]) -> ui.LayoutView:
    number, ends = view.round.id, view.round.ends_at
    about = f"{words.who(view.opener_user_id)} asks what to do with {_picture(view)}: propose an edit, vote for one."
    top = f"### 🗳️ What next for #{view.round.result_id}?\n{about}\nIt ends {words.since(ends)}, at {_clock(ends)}."
    state = f"{_costs(view)}\n-# {_turnout(view)} Who leads shows at the end."
    menu = [row(VoteMenu(number, _choices(view.proposals)))] if view.proposals else []
    return card(
        text(top),
        *gallery(pictures),
        *_proposals(view, TEXT - len(top) - len(state)),
        text(state),
        *menu,
        row(ProposeButton(number), StopButton(number)),
        colour=BLUE if _covered(view) else AMBER,
    )


def voted(view: RoundView, proposal_id: int) -> ui.LayoutView:
    """Return what a voter alone is told: what they voted for, whole."""
    [(number, chosen)] = [found for found in enumerate(view.proposals, 1) if found[1].id == proposal_id]
    head = f"✅ **Your vote: {number}**, proposed by {words.who(chosen.user_id)}"
    changes = f"-# It counts {words.since(view.round.ends_at)}, when the round ends. Choose again to change it."
    whole, _ = words.quoted(chosen.prompt, TEXT - len(head) - len(changes))
    return card(text(head, whole), text(changes), colour=GREEN)


def replaced() -> ui.LayoutView:
    """Return what somebody alone is told whose proposal took the place of their last one."""
    lost = "The votes for the old ones are gone; whoever gave them can vote again."
    return card(text(f"✅ Your proposal has new words. {lost}"), colour=GREEN)


def unchanged() -> ui.LayoutView:
    """Return what somebody alone is told who proposed again what they had proposed."""
    return card(text("That is what you have proposed already: nothing changed, and its votes stay."), colour=GREY)


def where(view: RoundView) -> ui.LayoutView:
    """Return where the card of an open round stands."""
    about = f"🗳️ [The round about #{view.round.result_id}]({_address(view)}) ends {words.since(view.round.ends_at)}."
    return card(text(about, f"-# {words.counted(len(view.proposals), 'proposal')} · {_turnout(view)}"), colour=BLUE)


def _costs(view: RoundView) -> str:
    price, pool = view.price, view.pool
    costs = f"The winner will cost about **{dollars(price.estimate)}**, paid by this thread's pool, which"
    if _covered(view):
        return f"🫙 {costs} has **{dollars(pool)}** left."
    has = f"has only **{dollars(pool)}** left" if pool else "is **empty**"
    return f"⚠️ {costs} {has}. Up to {dollars(price.hold)} has to be there at the end: add to it with `/pool give`."


def _covered(view: RoundView) -> bool:
    return view.pool >= view.price.hold


def _turnout(view: RoundView) -> str:
    have = f"{_voters(view)} {'have' if view.voters > 1 else 'has'} voted"
    return f"{have}; at least {view.round.quorum} must."


def _choices(proposals: Sequence[Proposal]) -> list[discord.SelectOption]:
    labels = [f"{number} · {words.one_line(proposal.prompt)}" for number, proposal in enumerate(proposals, 1)]
    return [
        discord.SelectOption(label=words.cut(label, _LABEL), value=str(proposal.id))
        for label, proposal in zip(labels, proposals, strict=True)
    ]


# How it ended --------------------------------------------------------------------------------------------------------


def _ended(view: RoundView, pictures: Sequence[tuple[str, str]]) -> ui.LayoutView:
    """Return the card with how many votes each proposal got."""
    end = ending(view)
    top = f"### {end.head}\n{words.who(view.opener_user_id)} asked what to do with {_picture(view)}."
    turnout = f"-# {_voters(view)} voted; at least {view.round.quorum} had to."
    state = "\n".join(end.lines if view.round.state is RoundState.FEW else (*end.lines, turnout))
    proposals = _proposals(view, TEXT - len(top) - len(state))
    return card(text(top), *gallery(pictures), *proposals, text(state), colour=end.colour)


def news(view: RoundView) -> ui.LayoutView:
    """Return the message that tells a thread how a round ended that made no edit."""
    end = ending(view)
    address = f"-# [The round about #{view.round.result_id}]({_address(view)})"
    return card(text(f"**{end.head}**", *end.lines, address), colour=end.colour, number=mark(view.round.id))


def ending(view: RoundView) -> Ending:
    """Put how a round ended into words."""
    return _ENDINGS[view.round.state](view)


def _won(view: RoundView) -> Ending:
    return Ending(f"🏆 {_winner(view)} won", ("It goes on below, and this thread's pool pays.",), GREEN)


def _tied(view: RoundView) -> Ending:
    most = max(proposal.votes for proposal in view.proposals)
    first = [str(number) for number, proposal in enumerate(view.proposals, 1) if proposal.votes == most]
    tie = f"Proposals {words.listed(first)} have {words.counted(most, 'vote')} each."
    return Ending("⚖️ The round ended in a tie", (tie, _AGAIN), AMBER)


def _few(view: RoundView) -> Ending:
    few = f"{_voters(view)} voted, and at least {view.round.quorum} had to."
    return Ending("🪹 Too few people voted", (few, _AGAIN), AMBER)


def _silent(view: RoundView) -> Ending:
    del view
    return Ending("🪹 Nobody proposed anything", (_AGAIN,), GREY)


def _refused(view: RoundView) -> Ending:
    reason = words.cut(view.round.reason or "", _REASON)
    if view.winner is None:  # it ended before its time
        return Ending(f"⛔ The round about #{view.round.result_id} ended", (reason, _AGAIN), RED)
    return Ending(f"⛔ {_winner(view)} won, but could not be made", (reason, _AGAIN), RED)


def _stopped(view: RoundView) -> Ending:
    del view
    return Ending("✋ The round was stopped", (_AGAIN,), GREY)


_AGAIN: Final = "Nothing was made, and nothing was charged. `/round start` opens another one."
_ENDINGS: Final = {
    RoundState.WON: _won,
    RoundState.TIED: _tied,
    RoundState.FEW: _few,
    RoundState.SILENT: _silent,
    RoundState.REFUSED: _refused,
    RoundState.STOPPED: _stopped,
}


def _winner(view: RoundView) -> str:
    winner = view.winner
    if winner is None:
        return "The winner"
    return f"Proposal {view.proposals.index(winner) + 1} by {words.who(winner.user_id)}"


# Pieces --------------------------------------------------------------------------------------------------------------


def _proposals(view: RoundView, room: int) -> list[Part]:
    """Return the proposals, in so many characters together."""
    if not view.proposals:
        return [text("💡 Nobody has proposed anything yet.")] if view.round.state is RoundState.OPEN else []
    heads = [_head(view.round, number, proposal) for number, proposal in enumerate(view.proposals, 1)]
    each = room // len(heads) - max(len(head) for head in heads) - 1
    return [
        text(head, words.quoted(proposal.prompt, each, _LINES)[0])
        for head, proposal in zip(heads, view.proposals, strict=True)
    ]


def _head(of: Round, number: int, proposal: Proposal) -> str:
    head = f"**{number}** · {words.who(proposal.user_id)}"
    if of.state is RoundState.OPEN:
        return head
    trophy = "🏆 " if proposal.id == of.winner_id else ""
    return f"{trophy}{head} · {words.counted(proposal.votes, 'vote')}"


def _picture(view: RoundView) -> str:
    result = view.step.result
    address = words.address(view.session.guild_id, result)
    return result.short_id if address is None else f"[{result.short_id}]({address})"


def _address(view: RoundView) -> str:
    return words.link(view.session.guild_id, view.session.thread_id, view.round.message_id)


def _voters(view: RoundView) -> str:
    """Return how many people voted, to begin a sentence with."""
    return "Nobody" if not view.voters else "1 person" if view.voters == 1 else f"{view.voters} people"


def _clock(ms: int) -> str:
    """Return a time as the clock of whoever reads it shows it."""
    return f"<t:{ms // 1000}:t>"
