"""The small tasks beside inference: ping, the account, stored files, the search for LoRAs (reference, sections 11, 12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from playground.runware.catalogue import search
from playground.runware.faults import Faults
from playground.runware.gallery import Gallery
from playground.runware.problems import Problem, Refused
from playground.runware.wire import Answer, Object

_ORGANISATION: Final = {"organizationName": "Local preview", "organizationUUID": "00000000-0000-4000-8000-000000000000"}


@dataclass(slots=True)
class Account:
    """Who pays: a balance in dollars, from which finished items are taken; without one new tasks are refused."""

    balance: Decimal
    #: What was taken since the beginning, in dollars, and for how many items.
    taken: Decimal = Decimal(0)
    items: int = 0

    def bill(self, cost: Decimal) -> None:
        """Take the price of an item."""
        self.balance -= cost
        self.taken += cost
        self.items += 1


class Utilities:
    """Answers the small tasks; each answer is ``data`` and ``errors``."""

    def __init__(self, account: Account, faults: Faults, gallery: Gallery) -> None:
        self._account = account
        self._faults = faults
        self._gallery = gallery
        self.kinds: Mapping[str, Callable[[Object], Answer]] = {
            "ping": self._ping,
            "accountManagement": self._account_management,
            "modelSearch": self._model_search,
            "mediaStorage": self._media_storage,
        }

    def _ping(self, asked: Object) -> Answer:
        return [{**_head(asked), "pong": True}], []

    def _account_management(self, asked: Object) -> Answer:
        """Both forms of the balance are known: a number of 2025 and an object of 2026 (section 12)."""
        if asked.get("operation") != "getDetails":
            raise Refused(Problem("unsupportedOperation", "Only getDetails is here.", "operation", ("getDetails",)))
        amount = float(self._account.balance)
        balance = amount if self._faults.balance_form == "number" else {"amount": amount, "currency": "USD"}
        used = {"credits": float(self._account.taken), "requests": self._account.items}
        usage = {"total": used, "today": used, "last7Days": used, "last30Days": used}
        details: Object = {**_ORGANISATION, "balance": balance, "team": [], "apiKeys": [], "usage": usage}
        return [{**_head(asked), "operation": "getDetails", **details}], []

    def _model_search(self, asked: Object) -> Answer:
        """Search the invented models by name, description or AIR, page by page (section 11)."""
        limit, offset = asked.get("limit", 20), asked.get("offset", 0)
        if not isinstance(limit, int) or not 1 <= limit <= 100:  # noqa: PLR2004 - the reference's bound
            raise Refused(Problem("invalidLimit", "'limit' must be from 1 to 100.", "limit"))
        if not isinstance(offset, int) or offset < 0:
            raise Refused(Problem("invalidOffset", "'offset' must be 0 or more.", "offset"))
        found = search(
            str(asked.get("search", "")), category=asked.get("category"), architecture=asked.get("architecture")
        )
        page = found[offset : offset + limit]
        return [{**_head(asked), "totalResults": len(found), "results": page}], []

    def _media_storage(self, asked: Object) -> Answer:
        """Delete a stored file. Whether a result is one, the sources do not say (section 12): the plan decides."""
        if asked.get("operation") != "delete":
            raise Refused(Problem("unsupportedOperation", "Only delete is here.", "operation", ("delete",)))
        media = asked.get("media")
        if not isinstance(media, str):
            raise Refused(Problem("invalidMedia", "'media' must be the UUID of a stored file.", "media"))
        if self._faults.results_stored == "no" or not self._gallery.remove(media):
            raise Refused(Problem("mediaNotFound", "No file of that UUID is stored.", "media"))
        return [{**_head(asked), "operation": "delete", "mediaUUID": media}], []


def _head(asked: Object) -> Object:
    return {name: asked[name] for name in ("taskType", "taskUUID") if name in asked}
