"""The wire models of a request to Runware's ``runware:108@22``, complete, and how an edit becomes one.

They refuse what Runware would refuse (bounds, steps, unknown properties, rules between fields), so that no paid round
trip is spent on it. What it answers is in :mod:`bot.runware.replies`.

Fields have Python names; the wire's names follow from them (``webhook_url`` is ``webhookURL``). The rules come from
the model's page, https://runware.ai/docs/models/alibaba-qwen-image-edit-plus, and from Runware's generated types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)

from storage.records import Acceleration, EditRequest, FaceFix

MODEL: Final = "runware:108@22"
MAX_SEED: Final = 2**63 - 1

#: Case and blanks matter. Runware's page gives only their number, 75; the names come from its generated types.
SCHEDULERS: Final[tuple[str, ...]] = (
    "DDIM",
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "Default",
    "DPM++",
    "DPM++ 2M",
    "DPM++ 2M Beta",
    "DPM++ 2M Exponential",
    "DPM++ 2M Karras",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Beta",
    "DPM++ 2M SDE Exponential",
    "DPM++ 2M SDE Karras",
    "DPM++ 2M SDE Uniform",
    "DPM++ 2M Uniform",
    "DPM++ 3M",
    "DPM++ 3M Beta",
    "DPM++ 3M Exponential",
    "DPM++ 3M Karras",
    "DPM++ 3M SDE Uniform",
    "DPM++ 3M Uniform",
    "DPM++ Beta",
    "DPM++ Exponential",
    "DPM++ Karras",
    "DPM++ SDE",
    "DPM++ SDE Beta",
    "DPM++ SDE Exponential",
    "DPM++ SDE Karras",
    "DPM++ Uniform",
    "DPM++ Uniform Beta",
    "DPM++ Uniform Exponential",
    "DPM++ Uniform Karras",
    "DPMSolverMultistepInverse",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EDMDPMSolverMultistepScheduler",
    "EDMEulerScheduler",
    "Euler",
    "Euler a",
    "Euler Beta",
    "Euler Exponential",
    "Euler Karras",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "Heun",
    "HeunDiscreteScheduler",
    "Heun Karras",
    "IPNDMScheduler",
    "IPNDM Uniform",
    "IPNDM Uniform Beta",
    "IPNDM Uniform Exponential",
    "IPNDM Uniform Karras",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCM",
    "LCMScheduler",
    "LMS",
    "LMSDiscreteScheduler",
    "LMS Karras",
    "PNDMScheduler",
    "TCDScheduler",
    "UniPC",
    "UniPC 2M",
    "UniPC 2M Karras",
    "UniPC 2M Uniform",
    "UniPC 3M",
    "UniPC 3M Karras",
    "UniPC 3M Uniform",
    "UniPC Karras",
    "UniPC Uniform",
    "UniPC Uniform Beta",
    "UniPC Uniform Exponential",
    "UniPC Uniform Karras",
)

#: How a picture is handed over: as an address, or within the reply.
OutputType: TypeAlias = Literal["URL", "base64Data", "dataURI"]

_CAPITALS: Final = frozenset({"cfg", "nsfw", "uri", "url", "uuid"})


def wire_name(name: str) -> str:
    """Return Runware's spelling of a field: camelCase, with its abbreviations in capitals."""
    first, *rest = name.split("_")
    words = [word.upper() if word in _CAPITALS else word.capitalize() for word in rest]
    return "".join([first.upper() if first in _CAPITALS else first, *words])


def _known_scheduler(name: str) -> str:
    if name not in SCHEDULERS:
        raise ValueError("not one of the model's schedulers")
    return name


# What a value may be. Strict: a string is no number and a boolean is no integer, as in JSON Schema.
# Steps of a decimal are checked with a tolerance for binary floats and then made exact, so the wire shows 1.3 and
# never 1.3000000000000003. They stay floats: a Decimal would go out as a JSON string.

_Text = Annotated[str, Strict()]
_Flag = Annotated[bool, Strict()]
_Whole = Annotated[int, Strict()]
_Number = Annotated[float, Strict(), AllowInfNan(allow_inf_nan=False)]
_Tenths = Annotated[_Number, Field(multiple_of=0.1), AfterValidator(lambda value: round(value, 1))]
_Hundredths = Annotated[_Number, Field(multiple_of=0.01), AfterValidator(lambda value: round(value, 2))]
_Fraction = Annotated[_Hundredths, Field(ge=0, le=1)]
_Prompt = Annotated[_Text, Field(min_length=1, max_length=32_000)]
_Side = Annotated[_Whole, Field(ge=128, le=2048, multiple_of=16)]
_Scheduler = Annotated[_Text, AfterValidator(_known_scheduler)]
_HttpURL = Annotated[_Text, Field(pattern=r"^https?://[^\s/]+\S*$")]
_TaskUUID = Annotated[
    _Text, Field(pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$")
]
#: A stored image's UUID, a URL, a data URI or bare base64.
_Picture = Annotated[
    _Text,
    Field(
        pattern=r"^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|https?://[^\s/]+\S*"
        r"|data:image/[A-Za-z0-9.+-]+;base64,[A-Za-z0-9+/]+={0,2}|[A-Za-z0-9+/]+={0,2})$"
    ),
]


# The request -------------------------------------------------------------------------------------------------


class _Asked(BaseModel):
    """A part of a request. A value nobody set is left out; ``null`` is no value.

    Errors hide their input and ``repr`` leaves out pictures and addresses, for those carry bytes and secrets.
    """

    model_config = ConfigDict(
        alias_generator=wire_name,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: object) -> object:
        if isinstance(value, dict) and None in cast("dict[str, object]", value).values():
            raise ValueError("leave a value out instead of sending null")
        return cast("object", value)


class Inputs(_Asked):
    """What the model looks at. The page says that inputs must be nested like this."""

    reference_images: tuple[_Picture, ...] = Field(min_length=1, max_length=3, repr=False)


class Settings(_Asked):
    """Settings of the model. The page says that they must be nested like this."""

    #: No bounds are published; the page's examples use 1.2 and 2.
    true_cfg_scale: _Number | None = None


class Lora(_Asked):
    """One LoRA. It must fit the model's architecture, or Runware answers ``unsupportedLoraModel``."""

    #: Its AIR identifier.
    model: Annotated[_Text, Field(min_length=1)]
    #: Default 1; 0 has no effect, below 0 steers away.
    weight: Annotated[_Hundredths, Field(ge=-4, le=4)] | None = None
    #: Default ``both``; meant for two-stage video models.
    transformer: Literal["high", "low", "both"] | None = None


class Safety(_Asked):
    """The content check. ``mode`` beats ``checkContent``, so send only ``mode``."""

    #: Default false; true selects the mode ``fast``.
    check_content: _Flag | None = None
    #: Default ``none``; ``fast`` is a single check.
    mode: Literal["none", "fast"] | None = None


class AcceleratorOptions(_Asked):
    """Caching between steps: faster, at some loss. Works badly with SDE and ancestral schedulers.

    The range is given in steps or in percent, never in both.
    """

    cache_start_step: Annotated[_Whole, Field(ge=0)] | None = None
    cache_end_step: Annotated[_Whole, Field(ge=1)] | None = None
    cache_start_step_percentage: Annotated[_Whole, Field(ge=0, le=99)] | None = None
    cache_end_step_percentage: Annotated[_Whole, Field(ge=1, le=100)] | None = None
    #: Cached steps in a row before a fresh one. Default 3.
    cache_max_consecutive_steps: Annotated[_Whole, Field(ge=1, le=5)] | None = None
    #: First Block Cache. Default false.
    fb_cache: _Flag | None = None
    #: Default 0.25.
    fb_cache_threshold: _Fraction | None = None
    #: For transformer models. Default false.
    tea_cache: _Flag | None = None
    #: Default 0.5; lower is better, higher is faster.
    tea_cache_distance: _Fraction | None = None
    #: CacheDiT. Default false.
    db_cache: _Flag | None = None
    #: Default 0.25.
    db_cache_threshold: _Fraction | None = None
    #: Default 5; higher is faster, lower is better.
    db_cache_skip_interval: Annotated[_Whole, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_range(self) -> AcceleratorOptions:
        steps = (self.cache_start_step, self.cache_end_step)
        percentages = (self.cache_start_step_percentage, self.cache_end_step_percentage)
        if steps != (None, None) and percentages != (None, None):
            raise ValueError("give the cached range in steps or in percent, not in both")
        for start, end in (steps, percentages):
            if start is not None and end is not None and start >= end:
                raise ValueError("the cached range must end after it starts")
        return self


class Ultralytics(_Asked):
    """Face enhancement, documented for SD 1.x, SDXL and FLUX only: expect no effect here."""

    #: Default 8.
    cfg_scale: Annotated[_Tenths, Field(ge=0, le=50)] | None = None
    #: Default 0.9.
    confidence: _Fraction | None = None
    #: Default 5.
    mask_blur: Annotated[_Whole, Field(ge=0, le=100)] | None = None
    #: Default 5.
    mask_padding: Annotated[_Whole, Field(ge=0, le=20)] | None = None
    negative_prompt: _Text | None = None
    positive_prompt: _Text | None = None
    #: Default 20.
    steps: Annotated[_Whole, Field(ge=1, le=100)] | None = None
    #: Default 0.3.
    strength: _Fraction | None = None


class AdvancedFeatures(_Asked):
    """The wrapper of :class:`Ultralytics`."""

    ultralytics: Ultralytics | None = None


class ImageInference(_Asked):
    """One task: an element of the array that is posted.

    Stricter than Runware's schema in two things: ``seed`` fits a signed 64-bit column (the published bound is
    2**63 - 1 after JavaScript's rounding), and ``width`` and ``height`` are required, as Runware's types say.
    """

    task_type: Literal["imageInference"]
    #: A version 4 UUID made by us: the idempotency key.
    task_uuid: _TaskUUID
    model: Literal["runware:108@22"]
    positive_prompt: _Prompt
    #: Ignored by the model while ``cfg_scale`` is 1 or less.
    negative_prompt: _Prompt | None = None
    inputs: Inputs
    width: _Side
    height: _Side
    #: Default: drawn by Runware, unsigned 32-bit.
    seed: Annotated[_Whole, Field(ge=0, le=MAX_SEED)] | None = None
    #: The default is not published.
    steps: Annotated[_Whole, Field(ge=1, le=50)] | None = None
    #: The default is not published.
    scheduler: _Scheduler | None = None
    #: The default is not published.
    cfg_scale: Annotated[_Hundredths, Field(ge=1, le=20)] | None = None
    settings: Settings | None = None
    lora: Annotated[tuple[Lora, ...], Field(min_length=1)] | None = None
    #: Default 1. Each result gets another seed.
    number_results: Annotated[_Whole, Field(ge=1, le=20)] | None = None
    #: Default ``URL``.
    output_type: OutputType | None = None
    #: Default ``JPG``.
    output_format: Literal["JPG", "PNG", "WEBP"] | None = None
    #: Default 95; higher is larger.
    output_quality: Annotated[_Whole, Field(ge=20, le=99)] | None = None
    #: Seconds the result's URL lives; only for the output type ``URL``.
    ttl: Annotated[_Whole, Field(ge=60)] | None = None
    #: Default ``sync``.
    delivery_method: Literal["sync", "async"] | None = None
    #: Called once per finished result. It carries a token.
    webhook_url: _HttpURL | None = Field(default=None, repr=False)
    #: Where Runware PUTs the raw file: a presigned URL.
    upload_endpoint: _HttpURL | None = Field(default=None, repr=False)
    #: Default false: without it no reply has a cost.
    include_cost: _Flag | None = None
    safety: Safety | None = None
    accelerator_options: AcceleratorOptions | None = None
    advanced_features: AdvancedFeatures | None = None

    @model_validator(mode="after")
    def _rules_between_fields(self) -> ImageInference:
        if self.ttl is not None and self.output_type not in (None, "URL"):
            raise ValueError("ttl applies to the output type URL only")
        end = self.accelerator_options and self.accelerator_options.cache_end_step
        if end is not None and end > (self.steps or 50):
            raise ValueError("the cached range must end within the steps")
        return self

    def wire(self) -> dict[str, Any]:
        """Return the task as the JSON object to post, without what was not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Transport:
    """How a task's results come back, which whoever runs the bot decides. Its addresses carry secrets."""

    #: Without one the results must be polled.
    webhook_url: str | None = field(default=None, repr=False)
    output_type: OutputType = "URL"
    #: How long addresses of results live, in seconds.
    ttl: int | None = None
    #: Where a copy of the result is put.
    upload_endpoint: str | None = field(default=None, repr=False)


def from_request(
    request: EditRequest, *, task_uuid: str, references: Sequence[str], transport: Transport
) -> ImageInference:
    """Say ``request`` in Runware's words; ``references`` are its pictures as data URIs.

    A negative prompt is left out while the model would ignore it.

    Raises:
        ValueError: The request holds something Runware would refuse.
    """
    ignored = request.cfg is not None and request.cfg <= 1
    task: dict[str, object | None] = {
        "taskType": "imageInference",
        "taskUUID": task_uuid,
        "model": MODEL,
        "positivePrompt": request.prompt,
        "negativePrompt": None if ignored else request.negative,
        "inputs": {"referenceImages": tuple(references)},
        "width": request.width,
        "height": request.height,
        "seed": request.seed,
        "steps": request.steps,
        "CFGScale": request.cfg,
        "settings": None if request.true_cfg is None else {"trueCFGScale": request.true_cfg},
        "scheduler": request.scheduler,
        "lora": tuple(_present(model=lora.model, weight=lora.weight, transformer=lora.stage) for lora in request.loras)
        or None,
        "acceleratorOptions": _accelerator(request.acceleration) or None,
        "advancedFeatures": {"ultralytics": face} if (face := _ultralytics(request.face)) else None,
        "numberResults": request.results,
        "outputFormat": request.output_format,
        "outputQuality": request.output_quality,
        "outputType": transport.output_type,
        "ttl": transport.ttl,
        "uploadEndpoint": transport.upload_endpoint,
        "deliveryMethod": "async",
        "webhookURL": transport.webhook_url,
        "includeCost": True,
        "safety": {"mode": request.safety},
    }
    return ImageInference.model_validate(_present(**task))


def _accelerator(faster: Acceleration) -> dict[str, object]:
    return _present(
        cacheStartStep=faster.cache_start,
        cacheEndStep=faster.cache_end,
        cacheStartStepPercentage=faster.cache_start_percent,
        cacheEndStepPercentage=faster.cache_end_percent,
        cacheMaxConsecutiveSteps=faster.cache_in_a_row,
        fbCache=faster.fb_cache,
        fbCacheThreshold=faster.fb_threshold,
        teaCache=faster.tea_cache,
        teaCacheDistance=faster.tea_distance,
        dbCache=faster.db_cache,
        dbCacheThreshold=faster.db_threshold,
        dbCacheSkipInterval=faster.db_skip,
    )


def _ultralytics(face: FaceFix) -> dict[str, object]:
    return _present(
        CFGScale=face.cfg,
        confidence=face.confidence,
        maskBlur=face.blur,
        maskPadding=face.padding,
        negativePrompt=face.negative,
        positivePrompt=face.prompt,
        steps=face.steps,
        strength=face.strength,
    )


def _present(**given: object) -> dict[str, object]:
    """Return what was set: a value that nobody set is left out, and never ``null``."""
    return {name: value for name, value in given.items() if value is not None}
