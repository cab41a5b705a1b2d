"""What people read of a session: who is in it, who did how much, its best pictures, and what changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from discord import ui

from bot.exports import README, Contents
from bot.quota import dollars, role
from bot.sessions import SessionView
from cogs import _words as words
from cogs._gallery_cards import starred
from cogs._layout import AMBER, BLUE, GREEN, GREY, Part, card, file, gallery, text
from storage.lineage import Step
from storage.records import Access, Session, SessionState
from storage.windows import DAY

#: So many people are named at a time.
_NAMED: Final = 12
#: So many are listed with what they did.
_LISTED: Final = 10
#: From so many days on, a session lasted days, not hours.
_DAYS: Final = 2

_STATES: Final = {
    SessionState.OPEN: ("🟢 This session is open", GREEN),
    SessionState.LOCKED: ("🔒 This session is locked", AMBER),
    SessionState.CLOSED: ("🏁 This session is closed", GREY),
}


def show(view: SessionView, best: Sequence[Step], files: Mapping[int, tuple[str, str]]) -> ui.LayoutView:
    """Return all there is to know of a session.

    ``best`` are those of its best results that the reader may see, ``files`` the names and alt texts of their files by
    their ids.
    """
    session = view.session
    headline, colour = _STATES[session.state]
    return card(
        text(f"### {headline}", *_people(view)),
        _line(),
        text(_sums(view), f"-# since {_day(session.created_at)}", *_shares(view)),
        *([_line(), *_best(session, best, files)] if best else []),
        _line(),
        text(_pool(view), _round(view)),
        colour=colour,
    )


def closing(who_id: int, view: SessionView) -> ui.LayoutView:
    """Return the summary of a session that somebody closed. Its best pictures come below, see :func:`best`."""
    session = view.session
    ended = session.closed_at or session.created_at
    lasted = _lasted(ended - session.created_at)
    return card(
        text(
            f"### 🏁 {words.who(who_id)} closed this session",
            f"{_moment(session.created_at)} – {_moment(ended)} · {lasted}",
            _sums(view),
            *_shares(view),
        ),
        _line(),
        text(
            f"-# `/session reopen` opens it again, for {words.who(view.owner_user_id)} and moderators · "
            "`/session export` packs all of it for you · edits that were asked for before are still finished"
        ),
        colour=GREY,
    )


def best(session: Session, steps: Sequence[Step], files: Mapping[int, tuple[str, str]]) -> ui.LayoutView:
    """Return the best pictures of a session for all who read it: a message of their own, which goes with any of them.

    ``files`` are the names and alt texts of their files by their ids.
    """
    return card(*_best(session, steps, files), colour=AMBER)


def stands_here(session: Session, step: Step) -> bool:
    """Tell whether a result stands in a session's thread or in the channel around it: all who read the thread see it."""
    return step.result.channel_id in (session.thread_id, session.channel_id)


# What changed, in a line for all in the thread -----------------------------------------------------------------------


def invited(who_id: int, person_id: int, session: Session, *notes: str) -> ui.LayoutView:
    """Return the news that somebody was let in."""
    anyway = "Everybody who reads this thread may edit here anyway." if session.access is Access.OPEN else ""
    return _news(f"🤝 {words.who(who_id)} invited {words.who(person_id)} to this session.", anyway, *notes)


def removed(who_id: int, person_id: int, *, moderates: bool) -> ui.LayoutView:
    """Return the news that somebody was shut out; who ``moderates`` here cannot be kept from editing."""
    then = "They can look and edit elsewhere; what they asked for before is finished."
    if moderates:
        then = "They manage messages here, so that they can edit all the same."
    return _news(f"👋 {words.who(who_id)} removed {words.who(person_id)} from this session.", then)


def handed_over(who_id: int, person_id: int) -> ui.LayoutView:
    """Return the news that a session has another owner."""
    return _news(f"🔑 {words.who(who_id)} handed this session over to {words.who(person_id)}.")


def admitted(who_id: int, session: Session) -> ui.LayoutView:
    """Return the news who may edit from now on."""
    return _news(f"🚪 {words.who(who_id)} changed who may edit here: {_access(session)}.")


def locked(who_id: int, owner_id: int | None) -> ui.LayoutView:
    """Return the news that a session was locked."""
    who = f"Only {words.who(owner_id)}, who owns it, and moderators go on; `/session open` ends that."
    return _news(f"🔒 {words.who(who_id)} locked this session.", who)


def reopened(who_id: int, before: SessionState, session: Session) -> ui.LayoutView:
    """Return the news that a session goes on, which was locked or closed before."""
    did = "unlocked this session" if before is SessionState.LOCKED else "opened this session again"
    return _news(f"🟢 {words.who(who_id)} {did}.", f"May edit: {_access(session)}.")


def _news(line: str, *notes: str) -> ui.LayoutView:
    return card(text(line, *(f"-# {note}" for note in notes if note)), colour=BLUE)


# An export -----------------------------------------------------------------------------------------------------------


def packing(pictures: int) -> ui.LayoutView:
    """Return what stands where an export will be."""
    return card(text(f"📦 Packing {words.counted(pictures, 'picture')}…"), colour=GREY)


def last_part(number: int, name: str, contents: Contents) -> ui.LayoutView:
    """Return the message of the last, or only, part of an export, which tells what is in the whole."""
    pictures = words.counted(len(contents.packed), "picture")
    lines = [f"### 📦 {pictures}, the tree, every recipe and who did how much"]
    if number > 1:
        lines.append(f"This is the last of {number} parts: unpack them all into one folder.")
    if contents.smaller:
        were = "was" if len(contents.smaller) == 1 else "were"
        lines.append(f"{len(contents.smaller)} of them {were} made smaller, so that all could be sent.")
    if contents.absent:
        absent = f"{words.counted(contents.absent, 'picture')} of this session could not be packed"
        lines.append(f"{absent}: `{README}` in it says which and why.")
    return card(text(*lines), file(name), colour=GREEN)


def packed(number: int) -> ui.LayoutView:
    """Return what stands above an export of several parts once all of them have come."""
    return card(text(f"📦 Your export of this session, in {number} parts:"), colour=GREEN)


# Pieces --------------------------------------------------------------------------------------------------------------


def _people(view: SessionView) -> list[str]:
    lines = [f"**Owner:** {words.who(view.owner_user_id)}", f"**May edit:** {_may_edit(view.session)}"]
    if view.invited:
        lines.append(f"**Invited:** {_named(view.invited)}")
    if view.removed:
        lines.append(f"**Removed:** {_named(view.removed)}")
    return lines


def _may_edit(session: Session) -> str:
    match session.state:
        case SessionState.CLOSED:
            return f"nobody, until `/session reopen`; then {_access(session)}"
        case SessionState.LOCKED:
            return f"the owner and moderators, until `/session open`; then {_access(session)}"
        case SessionState.OPEN:
            return _access(session)


def _access(session: Session) -> str:
    if session.access is Access.INVITED:
        return "people who were invited"
    if session.access is Access.ROLE and session.role_id is not None:
        return f"{role(session.role_id)} and people who were invited"
    return "everybody who reads this thread"


def _named(user_ids: Sequence[int]) -> str:
    named = [words.who(user_id) for user_id in user_ids[:_NAMED]]
    if len(user_ids) > _NAMED:
        named.append("others")
    return words.listed(named)


def _sums(view: SessionView) -> str:
    edits, cost = sum(share.edits for share in view.shares), sum(share.cost for share in view.shares)
    pictures = sum(view.pictures.values())
    return f"**{words.counted(edits, 'edit')} · {words.counted(pictures, 'picture')} · {dollars(cost)}**"


def _shares(view: SessionView) -> list[str]:
    """Return who did how much, who made most first."""
    edits, cost = sum(share.edits for share in view.shares), sum(share.cost for share in view.shares)
    lines = [
        f"{rank}. {words.who(share.user_id)} · {words.counted(share.edits, 'edit')} ({_percent(share.edits, edits)}) · "
        f"{words.counted(view.pictures.get(share.account_id, 0), 'picture')} · "
        f"{dollars(share.cost)} ({_percent(share.cost, cost)})"
        for rank, share in enumerate(view.shares[:_LISTED], 1)
    ]
    if len(view.shares) > _LISTED:
        rest = view.shares[_LISTED:]
        lines.append(f"-# and {len(rest)} more with {words.counted(sum(share.edits for share in rest), 'edit')}")
    return lines


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole) if whole else 0}\N{NO-BREAK SPACE}%"


def _line() -> Part:
    """Return a line between two parts."""
    return ui.Separator()


def _best(session: Session, steps: Sequence[Step], files: Mapping[int, tuple[str, str]]) -> list[Part]:
    shown = gallery([files[step.result.id] for step in steps if step.result.id in files])
    return [text("**The most stars**"), *shown, text(*(starred(session.guild_id, step) for step in steps))]


def _pool(view: SessionView) -> str:
    left = sum(grant.left for grant in view.pool)
    if left:
        return f"🫙 {dollars(left)} left in this thread's pool, which pays first."
    return "🫙 Nothing in this thread's pool; `/pool give` puts something in."


def _round(view: SessionView) -> str:
    if view.round is None and view.session.state is SessionState.CLOSED:
        return "🗳️ No round is open, and none can be: the session is closed."
    if view.round is None:
        return "🗳️ No round is open; `/round start` lets all choose what to do with a picture next."
    address = words.link(view.session.guild_id, view.session.thread_id, view.round.message_id)
    return f"🗳️ [A round is open]({address}) and ends {words.since(view.round.ends_at)}."


def _lasted(ms: int) -> str:
    """Return how long a session went on: in days, where it was some."""
    days = ms // DAY
    return words.lasting(ms) if days < _DAYS else words.counted(days, "day")


def _day(ms: int) -> str:
    return f"<t:{ms // 1000}:D>"


def _moment(ms: int) -> str:
    return f"<t:{ms // 1000}:f>"
