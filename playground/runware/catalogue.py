"""The models that are here: the one that edits, and invented LoRAs, of which one was made for another architecture.

What Runware says of models, and what becomes of a task whose LoRA does not fit, stands in the reference, section 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from playground.runware.problems import Problem
from playground.runware.wire import Object

#: What a field note calls this model's line, and another one.
ARCHITECTURE: Final = "qwen_image_edit_plus"
_OTHER: Final = "sdxl"

#: Invented LoRAs, enough for two pages: a name, what it is said to do, and its trigger words.
_STYLES: Final = (
    ("Paper Cut", "Layers of cut paper", "paper cut style"),
    ("Ink Wash", "Wet ink on rice paper", "ink wash"),
    ("Claymation", "Figures of clay under studio light", "clay figure"),
    ("Risograph", "Two colours, coarse grain", "risograph print"),
    ("Stained Glass", "Lead lines and coloured panes", "stained glass"),
    ("Night Market", "Neon, rain and steam", "night market"),
    ("Old Postcard", "Faded inks, a white border", "old postcard"),
    ("Botanical Plate", "Engraving with watercolour", "botanical plate"),
    ("Low Poly", "Flat shaded triangles", "low poly"),
    ("Chalkboard", "White chalk on slate", "chalk drawing"),
    ("Linocut", "Bold carved lines", "linocut"),
    ("Golden Hour", "Low sun, long shadows", "golden hour"),
)


def _model(
    air: str, name: str, words: str, triggers: str = "", *, kind: str = "lora", of: str = ARCHITECTURE
) -> Object:
    return {
        "air": air,
        "name": name,
        "category": kind,
        "architecture": of,
        "capabilities": ["image-to-image"],
        "source": "community" if kind == "lora" else "official",
        "heroImage": None,
        "private": False,
        "shortDescription": words,
        "positiveTriggerWords": triggers,
    }


_LORAS: Final = (
    *(
        _model(f"local:{number}@1", name, words, triggers)
        for number, (name, words, triggers) in enumerate(_STYLES, start=1)
    ),
    _model("local:sdxl@1", "Pixel Portrait", "Faces in large pixels", "pixel portrait", of=_OTHER),
)
_CHECKPOINT: Final = _model("runware:108@22", "Qwen-Image-Edit-Plus", "Edits one to three pictures", kind="checkpoint")
_MODELS: Final = (*_LORAS, _CHECKPOINT)


def search(wanted: str, *, category: object = None, architecture: object = None) -> list[Object]:
    """Return the models whose AIR, name or description holds what is wanted; what is ``None`` narrows nothing."""
    return [
        model
        for model in _MODELS
        if category in (None, model["category"])
        and architecture in (None, model["architecture"])
        and any(wanted.lower() in str(model[name]).lower() for name in ("air", "name", "shortDescription"))
    ]


def unfit(task: Object) -> Iterator[Problem]:
    """Yield what is wrong with the LoRAs of a checked task: unknown here, or made for another architecture."""
    known = {lora["air"]: lora for lora in _LORAS}
    for number, lora in enumerate(task.get("lora", ())):
        air: str = lora["model"]
        place = f"lora[{number}].model"
        if air not in known:
            yield Problem("invalidLoraModel", f"'{place}' names no LoRA that is known: '{air}'.", place).about(task)
        elif known[air]["architecture"] != ARCHITECTURE:
            words = (
                f"The LoRA '{air}' has the architecture '{known[air]['architecture']}', and the model "
                f"'{task['model']}' takes LoRAs of '{ARCHITECTURE}' only."
            )
            yield Problem("unsupportedLoraModel", words, place).about(task)
