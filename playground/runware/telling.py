"""How results and failures are written down, in replies and in deliveries (the reference, sections 5 to 7)."""

from __future__ import annotations

import base64
from decimal import Decimal

from playground.runware.faults import Faults
from playground.runware.gallery import Gallery
from playground.runware.tasks import Item, Task
from playground.runware.wire import Answer, Object


class Teller:
    """Writes tasks down as the fault plan says; ``base`` is where pictures are served, ``foreign`` another host."""

    def __init__(self, faults: Faults, gallery: Gallery, *, base: str, foreign: str) -> None:
        self._faults = faults
        self._gallery = gallery
        self._base = base
        self._foreign = foreign

    def reply(self, task: Task) -> Answer:
        """Return ``data`` and ``errors`` of the answer to a synchronous task."""
        done = [self._result(task, item, delivery=False) for item in task.items if item.status == "success"]
        return done, [problem.wire() for problem in task.problems()]

    def poll(self, task: Task) -> Answer:
        """Return ``data`` and ``errors`` of getResponse: cumulative, each entry with its status (section 6)."""
        data: list[Object] = []
        for item in task.items:
            if item.status == "success":
                data.append({**self._result(task, item, delivery=False), "status": "success"})
            elif item.status == "processing" and self._faults.poll_lists == "all":
                data.append({**_head(task), "status": "processing"})
        if self._faults.item_errors == "in_item":
            words = [{"code": problem.code, "message": problem.message} for problem in task.problems()]
            return data + [{**_head(task), "status": "error", "error": error} for error in words], []
        return data, [{**problem.wire(), "status": "error"} for problem in task.problems()]

    def details(self, task: Task) -> Object:
        """Return getTaskDetails: the request as it was sent, and the response, or ``null`` while there is none."""
        data, errors = self.reply(task)
        response = ({"data": data} if data else {}) | ({"errors": errors} if errors else {})
        known = response if task.ended.is_set() and self._faults.details == "full" else None
        return {"taskType": "getTaskDetails", "taskUUID": task.uuid, "request": [task.request], "response": known}

    def delivery(self, task: Task, item: Item) -> Object:
        """Return the body of one webhook call, in one of the five shapes of section 7."""
        shape = self._faults.delivery_shape
        if item.problem is None:
            result = self._result(task, item, delivery=True)
            return result if shape in (2, 5) else {"data": [result]}
        if shape in (2, 5):
            flat = {"status": "error", "code": item.problem.code, "message": item.problem.message}
            return {**flat, "taskUUID": task.uuid}
        if shape == 4:  # noqa: PLR2004 - the table's own number
            return {"error": {"message": item.problem.message}}
        return {"errors": [item.problem.wire()]}

    def envelope(self, data: list[Object], errors: list[Object]) -> Object:
        """Return a reply's body; one with errors only takes the plan's shape (section 1)."""
        if data or not errors:
            return {"data": data, **({"errors": errors} if errors else {})}
        match self._faults.error_shape:
            case "error":
                return {"error": errors[0]}
            case "error_list":
                return {"error": errors}
            case "flag":
                return {"error": True, "errorMessage": errors[0]["message"]}
            case "errors":
                return {"errors": errors}

    def cost(self, cost: Decimal, *, delivery: bool = False) -> Object:
        """Return the ``cost`` member, or nothing, as the plan says."""
        plan = self._faults.cost if delivery or not self._faults.only_deliveries else "normal"
        if plan == "absent":
            return {}
        said = {"normal": cost, "zero": Decimal(0), "above_hold": cost * 10 + 1}[plan]
        return {"cost": float(said)}

    def _result(self, task: Task, item: Item, *, delivery: bool) -> Object:
        told = _head(task) | {"imageUUID": item.image_uuid}
        told |= self._picture(task, item, delivery=delivery)
        told["seed"] = item.seed
        if item.flagged is not None:
            told["NSFWContent"] = item.flagged
        if task.request.get("includeCost"):
            told |= self.cost(item.cost, delivery=delivery)
        return told

    def _picture(self, task: Task, item: Item, *, delivery: bool) -> Object:
        """The picture by ``outputType``. One that the gallery has forgotten leaves a dead URL, or nothing."""
        output = task.request.get("outputType", "URL")
        picture = self._gallery.get(item.image_uuid)
        if output == "URL":
            foreign = self._faults.foreign_host and (delivery or not self._faults.only_deliveries)
            suffix = task.request.get("outputFormat", "JPG").lower()
            base = self._foreign if foreign else self._base
            return {"imageURL": f"{base}/image/os/a01d20/ws/2/ii/{item.image_uuid}.{suffix}"}
        fault = self._faults.inline if delivery or not self._faults.only_deliveries else "whole"
        if picture is None or fault == "absent":
            return {}
        data = {"cut": picture.data[: len(picture.data) // 2], "text": b"Not today."}.get(fault, picture.data)
        encoded = base64.b64encode(data).decode()
        if output == "base64Data":
            return {"imageBase64Data": encoded}
        return {"imageDataURI": f"data:{picture.media_type};base64,{encoded}"}


def _head(task: Task) -> Object:
    return {"taskType": "imageInference", "taskUUID": task.uuid}
