"""Units of work over ``rounds``, ``proposals`` and ``votes``: how a session chooses its next edit together.

A round's row is its lock: votes, proposals and its end wait there for each other. It is locked after its session.
"""

from __future__ import annotations

from typing import Final

from storage._rows import the_row
from storage.database import Row, Tx
from storage.records import Proposal, Round, RoundState

#: So many rounds are looked at together.
BATCH: Final = 20

_OPEN: Final = """
INSERT INTO rounds (session_id, result_id, opener_id, message_id, quorum, opened_at, ends_at, state)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')
ON CONFLICT (session_id) WHERE state = 'open' DO NOTHING RETURNING *
"""
_GET: Final = "SELECT * FROM rounds WHERE id = ?1"
_LOCK: Final = "SELECT * FROM rounds WHERE id = ?1 /* FOR UPDATE OF rounds */"
_OPEN_IN: Final = "SELECT * FROM rounds WHERE session_id = ?1 AND state = 'open'"
_DUE: Final = "SELECT * FROM rounds WHERE state = 'open' AND ends_at <= ?1 ORDER BY ends_at, id LIMIT ?2"
_NEXT_END: Final = "SELECT ends_at FROM rounds WHERE state = 'open' ORDER BY ends_at LIMIT 1"
_UNTOLD: Final = "SELECT * FROM rounds WHERE told_at IS NULL AND state <> 'open' ORDER BY id LIMIT ?1"
_TOLD: Final = "UPDATE rounds SET told_at = CAST(?2 AS BIGINT) WHERE id = ?1 AND state <> 'open'"
_END: Final = """
UPDATE rounds SET
    state = ?2, winner_id = CAST(?3 AS BIGINT), job_id = CAST(?4 AS BIGINT), reason = CAST(?5 AS TEXT)
WHERE id = ?1 AND state = 'open' RETURNING id
"""
_OF_MESSAGE: Final = "SELECT * FROM rounds WHERE message_id = ?1"
_END_ABOUT: Final = (
    "UPDATE rounds SET state = 'refused', reason = ?2 WHERE result_id = ?1 AND state = 'open' RETURNING id"
)
_PROPOSE: Final = """
INSERT INTO proposals (round_id, account_id, prompt) VALUES (?1, ?2, ?3)
ON CONFLICT (round_id, account_id) DO UPDATE SET prompt = excluded.prompt RETURNING id
"""
_COUNT_PROPOSALS: Final = "SELECT count(*) AS number FROM proposals WHERE round_id = ?1"
_PROPOSALS: Final = """
SELECT proposals.id, proposals.account_id, proposals.prompt, accounts.holder_id AS user_id, (
    SELECT count(*) FROM votes WHERE votes.proposal_id = proposals.id
) AS votes
FROM proposals LEFT JOIN accounts ON accounts.id = proposals.account_id
WHERE proposals.round_id = ?1 ORDER BY proposals.id
"""
_OWN_PROPOSAL: Final = "SELECT id, prompt FROM proposals WHERE round_id = ?1 AND account_id = ?2"
_OF_ROUND: Final = "SELECT 1 AS known FROM proposals WHERE id = ?1 AND round_id = ?2"
_VOTE: Final = """
INSERT INTO votes (round_id, account_id, proposal_id) VALUES (?1, ?2, ?3)
ON CONFLICT (round_id, account_id) DO UPDATE SET proposal_id = excluded.proposal_id
"""
_UNVOTE: Final = "DELETE FROM votes WHERE proposal_id = ?1"
_PEOPLE: Final = """
SELECT account_id FROM proposals WHERE round_id = ?1 UNION SELECT account_id FROM votes WHERE round_id = ?1
ORDER BY account_id
"""
_WITHDRAW_VOTE: Final = "DELETE FROM votes WHERE round_id = ?1 AND account_id = ?2"
_WITHDRAW_PROPOSAL: Final = "DELETE FROM proposals WHERE round_id = ?1 AND account_id = ?2"


async def open_round(
    tx: Tx, *, session_id: int, result_id: int, opener_id: int, message_id: int, quorum: int, now: int, ends_at: int
) -> Round | None:
    """Open a round; ``None`` when the session has one that is open."""
    return _maybe(await tx.fetch_one(_OPEN, session_id, result_id, opener_id, message_id, quorum, now, ends_at))


async def get(tx: Tx, round_id: int) -> Round | None:
    """Return a round."""
    return _maybe(await tx.fetch_one(_GET, round_id))


async def lock(tx: Tx, round_id: int) -> Round:
    """Return a round that must be there, and keep it to this unit."""
    return _round(await the_row(tx, _LOCK, round_id))


async def open_in(tx: Tx, session_id: int) -> Round | None:
    """Return the open round of a session."""
    return _maybe(await tx.fetch_one(_OPEN_IN, session_id))


async def due(tx: Tx, now: int, limit: int = BATCH) -> list[Round]:
    """Return open rounds whose time is over, longest first."""
    return [_round(row) for row in await tx.fetch_all(_DUE, now, limit)]


async def next_end(tx: Tx) -> int | None:
    """Return when the next round ends."""
    row = await tx.fetch_one(_NEXT_END)
    return None if row is None else row["ends_at"]


async def untold(tx: Tx, limit: int = BATCH) -> list[Round]:
    """Return rounds that ended and whose thread does not know, oldest first."""
    return [_round(row) for row in await tx.fetch_all(_UNTOLD, limit)]


async def told(tx: Tx, round_id: int, now: int) -> None:
    """Record that the thread knows how a round ended."""
    await tx.execute(_TOLD, round_id, now)


async def end(
    tx: Tx,
    round_id: int,
    state: RoundState,
    *,
    winner_id: int | None = None,
    job_id: int | None = None,
    reason: str | None = None,
) -> bool:
    """End a round that is open; returns whether this call did."""
    return await tx.fetch_one(_END, round_id, state.value, winner_id, job_id, reason) is not None


async def end_about(tx: Tx, result_id: int, reason: str) -> bool:
    """End the open rounds about a result, of which nothing can be made any more; returns whether there were any."""
    return bool(await tx.fetch_all(_END_ABOUT, result_id, reason))


async def of_message(tx: Tx, message_id: int) -> Round | None:
    """Return the round that a message shows."""
    return _maybe(await tx.fetch_one(_OF_MESSAGE, message_id))


async def propose(tx: Tx, round_id: int, account_id: int, prompt: str) -> int:
    """Write a person's proposal down, in place of the one they had, whose votes are gone then; returns its id."""
    row = await the_row(tx, _PROPOSE, round_id, account_id, prompt)
    await tx.execute(_UNVOTE, row["id"])
    return row["id"]


async def proposals(tx: Tx, round_id: int) -> list[Proposal]:
    """Return a round's proposals with their votes, oldest first."""
    return [
        Proposal(row["id"], row["account_id"], row["user_id"], row["prompt"], row["votes"])
        for row in await tx.fetch_all(_PROPOSALS, round_id)
    ]


async def count_proposals(tx: Tx, round_id: int) -> int:
    """Return how many proposals a round has."""
    row = await the_row(tx, _COUNT_PROPOSALS, round_id)
    return row["number"]


async def own_proposal(tx: Tx, round_id: int, account_id: int) -> str | None:
    """Return the prompt that a person proposed."""
    row = await tx.fetch_one(_OWN_PROPOSAL, round_id, account_id)
    return None if row is None else row["prompt"]


async def vote(tx: Tx, round_id: int, account_id: int, proposal_id: int) -> bool:
    """Give or change a person's vote; returns whether the round has such a proposal."""
    if await tx.fetch_one(_OF_ROUND, proposal_id, round_id) is None:
        return False
    await tx.execute(_VOTE, round_id, account_id, proposal_id)
    return True


async def people(tx: Tx, round_id: int) -> list[int]:
    """Return the accounts of all who proposed or voted."""
    return [row["account_id"] for row in await tx.fetch_all(_PEOPLE, round_id)]


async def withdraw(tx: Tx, round_id: int, account_id: int) -> None:
    """Take back what a person voted and proposed, and the votes for it."""
    own = await tx.fetch_one(_OWN_PROPOSAL, round_id, account_id)
    await tx.execute(_WITHDRAW_VOTE, round_id, account_id)
    if own is not None:
        await tx.execute(_UNVOTE, own["id"])
        await tx.execute(_WITHDRAW_PROPOSAL, round_id, account_id)


def _maybe(row: Row | None) -> Round | None:
    return None if row is None else _round(row)


def _round(row: Row) -> Round:
    return Round(
        row["id"],
        row["session_id"],
        row["result_id"],
        row["opener_id"],
        row["message_id"],
        row["quorum"],
        row["opened_at"],
        row["ends_at"],
        RoundState(row["state"]),
        row["winner_id"],
        row["job_id"],
        row["reason"],
        row["told_at"],
    )
