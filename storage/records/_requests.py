"""What a person asks for."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

#: What a picture is called whose author was forgotten.
GONE: Final = "a picture that is gone"


@dataclass(frozen=True, slots=True)
class Reference:
    """One input picture of a request: our prepared copy, by the SHA-256 of its bytes (lower-case hex)."""

    sha256: str
    width: int
    height: int
    #: The file name or label shown to people, such as ``cat.png`` or ``#12``.
    label: str
    #: The result it is, when it is one of ours.
    result_id: int | None = None
    #: The alt text that came with it, if any.
    description: str | None = None
    #: The colour that shows where its file was transparent; ``None`` where nothing was.
    laid_on: str | None = None

    def blank(self) -> Reference:
        """Return what may be kept of it once its author was forgotten: its size, and which result it was."""
        label = GONE if self.result_id is None else f"#{self.result_id}"
        return Reference("", self.width, self.height, label, self.result_id)


@dataclass(frozen=True, slots=True)
class Lora:
    """A small add-on to the model."""

    #: Its AIR identifier, as Runware's model search names it.
    model: str
    #: From -4 to 4 in steps of 0.01; 0 has no effect, below 0 steers away. Left out, it is 1.
    weight: float | None = None
    #: ``high``, ``low`` or ``both``: the stage of the transformer, which only two-stage models have.
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Acceleration:
    """Caching between steps: faster, at some loss. What the person left out is ``None``."""

    #: The range in which steps may be cached: in steps, or in percent of them, never in both.
    cache_start: int | None = None
    cache_end: int | None = None
    cache_start_percent: int | None = None
    cache_end_percent: int | None = None
    cache_in_a_row: int | None = None
    fb_cache: bool | None = None
    fb_threshold: float | None = None
    tea_cache: bool | None = None
    tea_distance: float | None = None
    db_cache: bool | None = None
    db_threshold: float | None = None
    db_skip: int | None = None


@dataclass(frozen=True, slots=True)
class FaceFix:
    """Face enhancement, which Runware documents for other models than this one. What was left out is ``None``."""

    prompt: str | None = None
    negative: str | None = None
    steps: int | None = None
    cfg: float | None = None
    strength: float | None = None
    confidence: float | None = None
    blur: int | None = None
    padding: int | None = None


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What a person asked for, already checked (``bot.options`` builds it). Values the person left out are ``None``."""

    prompt: str
    references: tuple[Reference, ...]
    width: int
    height: int
    seed: int
    results: int = 1
    steps: int = 30
    negative: str | None = None
    cfg: float | None = None
    true_cfg: float | None = None
    scheduler: str | None = None
    #: The result this edit starts from.
    parent_id: int | None = None
    #: Runware's content check: ``fast``, or ``none`` where a manager lowered it.
    safety: str = "fast"
    #: ``JPG``, ``PNG`` or ``WEBP``, and how little it loses (20 to 99).
    output_format: str | None = None
    output_quality: int | None = None
    loras: tuple[Lora, ...] = ()
    acceleration: Acceleration = field(default_factory=Acceleration)
    face: FaceFix = field(default_factory=FaceFix)

    def to_json(self) -> str:
        """Return the stored form; :meth:`from_json` reads it back."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> EditRequest:
        """Read what :meth:`to_json` wrote, in an earlier version too: what it did not know yet was left out."""
        fields: dict[str, Any] = json.loads(text)
        fields["references"] = tuple(Reference(**reference) for reference in fields["references"])
        fields["loras"] = tuple(Lora(**lora) for lora in fields.get("loras", ()))
        fields["acceleration"] = Acceleration(**fields.get("acceleration", {}))
        fields["face"] = FaceFix(**fields.get("face", {}))
        return cls(**fields)

    def with_seed(self, seed: int) -> EditRequest:
        """Return the same request with another seed."""
        return replace(self, seed=seed)

    def blank(self) -> EditRequest:
        """Return what may be kept of it once its asker was forgotten: no words, no LoRAs, no pictures, only numbers.

        The counts that it was priced and summed up by stay what they were.
        """
        return replace(
            self,
            prompt="",
            negative=None,
            references=tuple(reference.blank() for reference in self.references),
            loras=(),
            face=replace(self.face, prompt=None, negative=None),
        )

    def without(self, hashes: Collection[str]) -> EditRequest:
        """Return it with those pictures blank whose author was forgotten."""
        blank = [one.blank() if one.sha256 in hashes else one for one in self.references]
        return replace(self, references=tuple(blank))
