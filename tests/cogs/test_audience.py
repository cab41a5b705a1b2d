"""Where a result may be shown: nowhere that somebody reads who cannot read where it stands."""

from __future__ import annotations

import pytest

from cogs._audience import Audience, refusal

#: The server is shut out, a role is let in.
CLUB = frozenset({(1, 0, 1024), (7, 1024, 0)})

LOBBY = Audience(10, everyone=True)
HALL = Audience(11, everyone=True)
STUDIO = Audience(12, rules=CLUB)
ATELIER = Audience(13, rules=CLUB)
VAULT = Audience(14, rules=frozenset({(1, 0, 1024), (8, 1024, 0)}))
LATE = Audience(15, everyone=True, age_restricted=True)
NIGHT = Audience(16, everyone=True, age_restricted=True)
LATE_CLUB = Audience(17, rules=CLUB, age_restricted=True)
#: Threads: a public one is as its channel.
CORNER = Audience(10, private_thread_id=20, everyone=True)
NOOK = Audience(10, private_thread_id=21, everyone=True)
STUDIO_CORNER = Audience(12, private_thread_id=22, rules=CLUB)


@pytest.mark.parametrize(
    ("source", "here"),
    [
        (LOBBY, LOBBY),
        (STUDIO, STUDIO),
        (LATE, LATE),
        (CORNER, CORNER),
        (LOBBY, HALL),
        (LOBBY, STUDIO),
        (LOBBY, STUDIO_CORNER),
        (LOBBY, LATE),
        (STUDIO, ATELIER),
        (STUDIO, STUDIO_CORNER),
        (STUDIO, LATE_CLUB),
        (LATE, NIGHT),
        (LATE, LATE_CLUB),
        (LOBBY, CORNER),
    ],
)
def test_it_may_be_shown_where_nobody_reads_who_cannot_read_where_it_stands(source: Audience, here: Audience) -> None:
    assert refusal(here, source) is None


@pytest.mark.parametrize(
    ("source", "here", "why"),
    [
        (CORNER, LOBBY, "private thread"),
        (CORNER, NOOK, "private thread"),
        (STUDIO_CORNER, STUDIO, "private thread"),
        (STUDIO_CORNER, ATELIER, "private thread"),
        (STUDIO, LOBBY, "may not read the channel"),
        (STUDIO, VAULT, "may not read the channel"),
        (STUDIO, CORNER, "may not read the channel"),
        (LATE, LOBBY, "age-restricted"),
        (LATE_CLUB, STUDIO, "age-restricted"),
        (LATE_CLUB, LATE, "may not read the channel"),
        (None, LOBBY, "I cannot tell"),
        (LOBBY, None, "I cannot tell"),
        (None, None, "I cannot tell"),
    ],
)
def test_it_may_not_where_others_would_see_it_and_a_clause_says_why(
    source: Audience | None, here: Audience | None, why: str
) -> None:
    assert why in (refusal(here, source) or "")
