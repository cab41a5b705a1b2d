"""The presets that ship with the bot: what the model is good at, each with an example that the documentation shows.

The model numbers its pictures in the order in which they are given, so the prompts speak of picture 1, 2 and 3. They say
what is to change, and as plainly what is to stay. Options are set only where they help: a server's bounds may be narrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.options import Plain


@dataclass(frozen=True, slots=True)
class Example:
    """One use of a preset."""

    #: What each picture shows, in their order.
    pictures: tuple[str, ...]
    #: What is filled in, by the names of the blanks.
    filled: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shipped:
    """A preset that everybody has."""

    #: What forms and menus know it by; never another's, never changed.
    key: str
    name: str
    #: What it does, in a sentence.
    about: str
    #: What each picture that it needs is for.
    pictures: tuple[str, ...]
    prompt: str
    example: Example
    options: Mapping[str, Plain] = field(default_factory=dict[str, Plain])


#: Lettering has hard edges, around which a JPG leaves specks.
_SHARP: Final[Mapping[str, Plain]] = {"format": "PNG"}

SHIPPED: Final = (
    Shipped(
        key="merge-two",
        name="merge two pictures",
        about="Brings what two pictures show together into one.",
        pictures=("the first one to bring in", "the second one to bring in"),
        prompt=(
            "Bring {first} from picture 1 and {second} from picture 2 together in one photograph: {scene}. "
            "Each keeps exactly the look it has in its own picture: face, hair, clothes, colours, markings and "
            "proportions. Scale them truly to each other, and give both the same light, shadows, perspective and "
            "sharpness, so that they look photographed together at the same moment."
        ),
        example=Example(
            ("a woman in a red coat", "a tabby cat"),
            {
                "first": "the woman in the red coat",
                "second": "the tabby cat",
                "scene": "she sits on a park bench in autumn with the cat on her lap",
            },
        ),
    ),
    Shipped(
        key="merge-three",
        name="merge three pictures",
        about="Brings what three pictures show together into one.",
        pictures=("the first one to bring in", "the second one to bring in", "the third one, or the place"),
        prompt=(
            "Bring {first} from picture 1, {second} from picture 2 and {third} from picture 3 together in one "
            "photograph: {scene}. Each keeps exactly the look it has in its own picture: face, hair, clothes, colours, "
            "markings and proportions. Scale them truly to each other, and give all of them the same light, shadows, "
            "perspective and sharpness, so that they look photographed together at the same moment."
        ),
        example=Example(
            ("an astronaut in a suit", "a rocket on its pad", "a cup of coffee"),
            {
                "first": "the astronaut",
                "second": "the rocket",
                "third": "the cup of coffee",
                "scene": "she stands before the rocket at sunrise and holds the cup in her right hand",
            },
        ),
    ),
    Shipped(
        key="keep-person",
        name="keep this person",
        about="Shows the same person somewhere else, doing something else.",
        pictures=("the person, with the face well to be seen",),
        prompt=(
            "Show the person in picture 1 in another photograph: {scene}. It is unmistakably the same person: keep the "
            "shape of the face, eyes, nose, mouth, skin tone, hair, age and build exactly as in picture 1, with natural "
            "skin texture and no smoothing. Clothes: {clothes}. The light on the face comes from the new place."
        ),
        example=Example(
            ("a portrait of a man",),
            {
                "scene": "he repairs a bicycle in a small workshop, seen from the waist up",
                "clothes": "a blue work shirt with rolled-up sleeves",
            },
        ),
    ),
    Shipped(
        key="follow-pose",
        name="follow this pose",
        about="Has the person of one picture take the pose of another: a photo, or a drawing of its joints.",
        pictures=("the person", "the pose: a photo, a stick figure or a map of joints"),
        prompt=(
            "The person in picture 1 takes exactly the pose of the figure in picture 2: the same position and angle of "
            "the head, torso, arms, hands, legs and feet, seen from the same side. Face, hair, body and clothes stay "
            "those of picture 1. Picture 2 is a guide to the pose and nothing else: none of its lines, dots, colours, "
            "clothes or background appears. Background: {background}."
        ),
        example=Example(
            ("a woman standing in a street", "a stick figure in the middle of a jump"),
            {"background": "the street of picture 1"},
        ),
    ),
    Shipped(
        key="follow-edges",
        name="follow these edges",
        about="Fills an edge map or a line drawing with the look of another picture.",
        pictures=("the look: colours, materials, light", "the edge map or line drawing, in the same shape"),
        prompt=(
            "Picture 2 is a map of edges. Turn it into {result} with the colours, materials and light of picture 1. "
            "Follow its lines exactly: every outline keeps its place, its size and its course, nothing is added where "
            "it has no lines, and the framing is that of picture 2. The lines themselves are not to be seen: they "
            "become the borders of real surfaces."
        ),
        example=Example(
            ("a photo of a brick house at dusk", "a line drawing of a church"),
            {"result": "a photograph of a church with a tower"},
        ),
    ),
    Shipped(
        key="follow-depth",
        name="follow this depth map",
        about="Builds a picture into the space of a depth map, with the look of another picture.",
        pictures=("the look: things, materials, light", "the depth map, in the same shape; bright is near"),
        prompt=(
            "Picture 2 is a depth map: bright is near, dark is far. Make {result} that has exactly this space: every "
            "form keeps its place, its size and its distance, and the viewpoint and framing are those of picture 2. "
            "Take the look from picture 1: things, colours, materials and light. No grey tones of the map remain."
        ),
        example=Example(
            ("a photo of a living room with oak floor", "the depth map of an empty hall"),
            {"result": "a photograph of a reading room with bookshelves along the walls"},
        ),
    ),
    Shipped(
        key="move",
        name="move something",
        about="Moves something to another place in the picture.",
        pictures=("the picture",),
        prompt=(
            "Move {thing} to {place}. It keeps its look and stands there as if it always had: with the right size for "
            "the distance, and with shadow, reflection and light of the new place. Where it was, show what would be "
            "behind it, continued from what surrounds it. Everything else stays exactly as it is."
        ),
        example=Example(
            ("a desk with a lamp on its left",),
            {"thing": "the lamp", "place": "the right end of the desk, beside the window"},
        ),
    ),
    Shipped(
        key="remove",
        name="remove something",
        about="Takes something out of the picture, with its shadow and its reflection.",
        pictures=("the picture",),
        prompt=(
            "Remove {thing} from the picture, with its shadow and its reflection. Where it was, show what would be behind "
            "it, continued from what surrounds it, with the same texture, pattern, light and sharpness. Leave no trace. "
            "Everything else stays exactly as it is."
        ),
        example=Example(("a beach with a parasol and two people",), {"thing": "the parasol on the left"}),
    ),
    Shipped(
        key="lettering",
        name="change the lettering",
        about="Changes what is written in the picture, in the style of the old letters.",
        pictures=("the picture with the lettering",),
        prompt=(
            "Change the text “{old}” in the picture to “{new}”. Keep the style of its letters: typeface, size, weight, "
            "colour, material, spacing, line, perspective and light. It is spelled exactly “{new}”, each letter complete "
            "and sharp, and nothing remains of the old text. Everything else stays exactly as it is."
        ),
        example=Example(("a shop sign that says BAKERY",), {"old": "BAKERY", "new": "BOOKSHOP"}),
        options=_SHARP,
    ),
    Shipped(
        key="lettering-zh",
        name="改字",
        about="Changes the lettering of a picture in Chinese: 把图中的文字改成别的文字。",
        pictures=("the picture with the lettering · 带文字的图片",),
        prompt=(
            "把图中的文字“{原文}”改为“{新文}”。保持原有文字的字体、字号、粗细、颜色、材质、字距、排列方向、透视和光影不变。"
            "新文字必须准确写作“{新文}”，每个字笔画完整、清晰锐利，不要留下原文字的任何痕迹。画面的其余部分保持完全不变。"
        ),
        example=Example(("a tea shop with the sign 清风茶馆",), {"原文": "清风茶馆", "新文": "明月书店"}),
        options=_SHARP,
    ),
)
