"""The one door through which the bot fetches an address that a person gave.

Threat model:

- The address is hostile: it may lead, in any spelling, by name, by redirect or by a second answer of a name server, to
  what only this machine can reach. So each address is judged where its socket is made, whatever led to it.
- The host is hostile: it may answer without end, slowly, compressed, with something else than it says, or not at all.
- The person learns nothing about this machine's network: every address that is refused is refused in the same words.
- What the bot sends says nothing: no cookie, no key, no referrer, no proxy; and no link stands in the log.
- Discord's own hosts are refused, so that nobody passes by the people who may say no to an edit of their pictures.
"""

from __future__ import annotations

from bot.links._addresses import is_public
from bot.links._judging import check, is_discords
from bot.links._links import Keep, Links, name_of

__all__ = ["Keep", "Links", "check", "is_discords", "is_public", "name_of"]
