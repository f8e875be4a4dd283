"""The page of ``snarc try``: one's own drawing or picture through a trained network, live."""

from __future__ import annotations

import base64
import dataclasses
import math
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from snarc.data._paper import Paper
from snarc.data._strokes import Stroke, drawn
from snarc.data.images import Look, decode, probe
from snarc.errors import DataError, SnarcError
from snarc.render.page import css
from snarc.see._inside import Inside, inside
from snarc.see._neighbours import Neighbours
from snarc.subjects import Predictions, predictions
from snarc.training import Run
from snarc.trust import attacks
from snarc.trust.conformal import ConformalSets

from .limits import PIXELS, UPLOAD_BYTES, Refused
from .server import Call, Page

COVERAGES = (0.9, 0.99)
TYPICAL = 30  # examples whose distance to the boundary says what is usual
SIDE = 640  # pixels along the longer side of a picture that is kept
PREVIEW = 320
KEPT = 16  # pictures
POINTS = 20_000  # of all lines of a drawing
FILES = (
    "try.html", "try.css", "try.js", "answer.js", "canvas.js", "dom.js", "evidence.js", "session.js", "icon.svg",
)  # fmt: skip

Number = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Line(_Strict):
    points: Annotated[list[Number], Field(min_length=2, max_length=8000)]
    width: Annotated[float, Field(ge=0.005, le=0.5)]
    colour: Annotated[str, Field(pattern="^#[0-9a-f]{6}$")] = "#ffffff"

    @field_validator("points")
    @classmethod
    def _pairs(cls, points: list[float]) -> list[float]:
        if len(points) % 2:
            raise ValueError("as many numbers across as down are wanted")
        return points


class _Drawn(_Strict):
    """Lines of a pen, or a picture that was sent before."""

    lines: Annotated[list[_Line], Field(max_length=400)] = []
    picture: Annotated[str, Field(pattern="^[a-z0-9-]{1,64}$")] | None = None
    centred: bool = False

    @field_validator("lines")
    @classmethod
    def _few(cls, lines: list[_Line]) -> list[_Line]:
        if sum(len(line.points) for line in lines) > 2 * POINTS:
            raise ValueError(f"a drawing has at most {POINTS:,} points; begin a new one")
        return lines


class _Upload(_Strict):
    image: Annotated[str, Field(max_length=4 * math.ceil(UPLOAD_BYTES / 3))]


class Drawing:
    """What the page asks, answered for one run.

    Parameters
    ----------
    run: of a network that tells classes of images apart.
    tell: is told what is being prepared.

    Raises
    ------
    DataError: its inputs are no images, or its answers no classes.
    """

    def __init__(self, run: Run, tell: Callable[[str], None] = lambda _: None) -> None:
        check(run)
        self.run, self.classes = run, list(run.task.classes)
        tell("reading the data")
        self.missing = ""
        height, width, channels = run.inputs
        self.paper = Paper((height, width), channels, box=max(1, round(max(height, width) * 20 / 28)))
        train = self._data()
        if train is not None:
            self.paper = Paper.of(np.asarray(train.gather(np.arange(min(500, len(train)))).inputs))
        span = (self.paper.low, self.paper.high)
        self.subjects = [dataclasses.replace(run.subject(k), range=span) for k in range(len(run.networks))]
        tell("looking inside the network")
        self._look = inside(self.subjects[0])
        self._layers = list(self._look(np.full((1 + self.paper.can_centre, *run.inputs), span[0], np.float32)).maps)
        self.neighbours: Neighbours | None = None
        if train is not None:
            tell("finding the features of training examples")
            self.neighbours = Neighbours.of(train, lambda x: self._look(self.subjects[0].example(x)).features)
        self.sets: dict[float, ConformalSets] = {}
        self.calibration = 0
        if train is not None and len(run.dataset.validation):
            tell("calibrating on the validation split")
            known = predictions(run, "validation")
            self.calibration = len(known)
            likely = known.probabilities.mean(axis=0)
            self.sets = {c: ConformalSets.fit(likely, known.targets, coverage=c) for c in COVERAGES}
        tell("measuring distances to the boundary")
        self._cross = attacks.deepfool_of(self.subjects[0])
        self.typical = self._typical()
        self._pictures: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()
        # Everything is compiled now, so that the first stroke is answered as fast as the others.
        first = {"lines": [{"points": [0.3, 0.3, 0.7, 0.7], "width": 0.1}]}
        self.read(first, "")
        self.boundary(first, "")

    def page(self) -> Page:
        """The page with its calls."""
        upload = 4096 + 4 * math.ceil(UPLOAD_BYTES / 3)
        calls = {
            "about": Call(self.about, 4096),
            "read": Call(self.read),
            "boundary": Call(self.boundary),
            "upload": Call(self.upload, upload),
        }
        return Page("try", FILES, {"look.css": css()}, calls)

    def about(self, asked: Mapping[str, Any], session: str) -> dict[str, Any]:
        """The run, and what the page can show of it."""
        _checked(_Strict, asked)
        kept = None
        if self.neighbours is not None:
            width = self.neighbours.features.shape[1]
            pixels = width == math.prod(self.run.inputs) and len(self._layers) < 2
            kept = {"examples": len(self.neighbours), "features": width, "pixels": pixels}
        return {
            "name": self.run.name,
            "classes": self.classes,
            "size": [*self.paper.size],
            "channels": self.paper.channels,
            "ground": self.paper.ground,
            "can_centre": self.paper.can_centre,
            "replicas": len(self.subjects),
            "coverages": list(self.sets),
            "calibration": self.calibration,
            "measured": len(self.typical),
            "neighbours": kept,
            "missing": self.missing,
        }

    def read(self, asked: Mapping[str, Any], session: str) -> dict[str, Any]:
        """What the network gets, what it answers, and what happens inside it."""
        drawing = _checked(_Drawn, asked)
        x = self._inputs(drawing, session)
        if x is None:
            return {"empty": True}
        seen = self._look(x)
        every = np.stack([seen.logits, *(np.asarray(one.logits(x)) for one in self.subjects[1:])])
        chances = Predictions(every, np.zeros(len(x), np.int32), self.run.task).probabilities
        at = len(x) - 1 if drawing.centred else 0
        likely = chances.mean(axis=0)
        return {
            "empty": False,
            "variants": [{"picture": self._shown(one), "probabilities": _plain(p)} for one, p in zip(x, likely)],
            "at": at,
            "replicas": [_plain(p) for p in chances[:, at]],
            "sets": [
                {"coverage": c, "classes": np.flatnonzero(one.sets(likely[at : at + 1])[0]).tolist()}
                for c, one in self.sets.items()
            ],
            "neighbours": self._similar(seen.features[at]),
            "maps": _maps(seen, at),
        }

    def boundary(self, asked: Mapping[str, Any], session: str) -> dict[str, Any]:
        """How far the nearest boundary of the first network is, and the picture beyond it.

        Distances are in pixels turned from the lowest to the highest value, whatever the network's inputs count in.
        """
        drawing = _checked(_Drawn, asked)
        x = self._inputs(drawing, session)
        if x is None:
            return {"empty": True}
        at = len(x) - 1 if drawing.centred else 0
        one, answer = x[at][None], self._look(x).logits[at].argmax(keepdims=True)
        found = self._cross(one, answer)
        moved = found.x[0] - one[0]
        most = float(np.abs(moved).max()) or 1.0
        span = self._span()
        return {
            "empty": False,
            "found": bool(found.success[0]),
            "from": int(answer[0]),
            "to": int(found.answer[0]),
            "distance": float(found.l2[0]) / span,
            "most": float(found.linf[0]) / span,
            "before": self._shown(one[0]),
            "after": self._shown(found.x[0]),
            "change": _packed(np.rint(moved / most * 127).astype(np.int8)),
            "typical": _plain(np.quantile(self.typical, (0.25, 0.5, 0.75))) if len(self.typical) else None,
        }

    def upload(self, asked: Mapping[str, Any], session: str) -> dict[str, Any]:
        """Keep a picture of this session; returns the name that the server gave it, and a preview."""
        given = _checked(_Upload, asked).image
        try:
            data = base64.b64decode(given, validate=True)
        except ValueError:
            raise Refused(400, "The image is not base64.") from None
        if len(data) > UPLOAD_BYTES:
            raise Refused(413, f"At most {UPLOAD_BYTES >> 20} MB can be sent at once.")
        picture = decoded(data)
        name = secrets.token_hex(8)
        self._pictures[session, name] = picture
        while len(self._pictures) > KEPT:
            self._pictures.popitem(last=False)
        step = max(1, math.ceil(max(picture.shape[:2]) / PREVIEW))
        return {"picture": name, "preview": _packed(picture[::step, ::step])}

    def _data(self) -> Any:
        """The training split, or none and why."""
        try:
            train = self.run.dataset.train
        except SnarcError:
            self.missing = "The data that it learnt from are not at hand: no similar examples, no prediction sets."
            return None
        if not len(train):
            self.missing = "There is no training split at hand: no similar examples."
            return None
        return train

    def _typical(self) -> np.ndarray:
        """Distances to the boundary of examples, of validation where there is one."""
        if self.neighbours is None:
            return np.zeros(0)
        which = "validation" if self.calibration else "train"
        split = self.run.dataset.split(which)
        split = split.gather(np.arange(min(TYPICAL, len(split))))
        seen = self.run.validation if self.calibration else self.run.evaluate((split.inputs, split.targets))
        x, answers = self.subjects[0].example(split.inputs), seen.logits[0][: len(split)].argmax(axis=1)
        found = [self._cross(x[k : k + 1], answers[k : k + 1]) for k in range(len(x))]
        return np.array([one.l2[0] for one in found if one.success[0]]) / self._span()

    def _inputs(self, drawing: _Drawn, session: str) -> np.ndarray | None:
        """As drawn, and where it can be done centred, ``(1 or 2, H, W, C)``; none of an empty sheet."""
        if drawing.picture is not None:
            picture = self._pictures.get((session, drawing.picture))
            if picture is None:
                raise Refused(404, "This picture is no longer kept. Choose it again.")
            cleaned = True
        elif drawing.lines:
            picture, cleaned = self._drawn(drawing), False
        else:
            return None
        variants = (False, True) if self.paper.can_centre else (False,)
        return np.stack([self.paper.fitted(picture, centre=c, cleaned=cleaned) for c in variants]).astype(np.float32)

    def _drawn(self, drawing: _Drawn) -> np.ndarray:
        height, width = self.paper.size
        scale = max(4, round(280 / max(height, width)))
        colours = self.paper.channels == 3
        strokes = [
            Stroke(np.reshape(line.points, (-1, 2)), line.width, _colour(line.colour) if colours else (255,) * 3)
            for line in drawing.lines
        ]
        ground = (0,) * 3 if not colours or self.paper.ground == 0 else (255,) * 3
        return drawn(strokes, (height * scale, width * scale), ground)

    def _span(self) -> float:
        return (self.paper.high - self.paper.low) or 1.0

    def _shown(self, x: np.ndarray) -> dict[str, Any]:
        """An input as pixels from 0 to 255."""
        return _packed(np.rint(np.clip((x - self.paper.low) / self._span(), 0, 1) * 255).astype(np.uint8))

    def _similar(self, features: np.ndarray) -> list[dict[str, Any]]:
        if self.neighbours is None:
            return []
        index, distance = self.neighbours.nearest(features, 8)
        pictures = np.asarray(self.subjects[0].example(self.neighbours.inputs[index]))
        labels = self.neighbours.labels[index]
        return [
            {"picture": self._shown(x), "label": int(k), "distance": float(d)}
            for x, k, d in zip(pictures, labels, distance)
        ]


def check(run: Run) -> None:
    """Refuse a run that cannot be drawn for.

    Raises
    ------
    DataError: its inputs are no images, or its answers no classes.
    """
    images = len(run.inputs) == 3 and run.inputs[2] in (1, 3) and min(run.inputs[:2]) > 1
    if run.task.kind != "classification" or not images:
        shape = " x ".join(map(str, run.inputs))
        raise DataError(
            f"{run.name} takes inputs of {shape} numbers and answers by {run.task.kind}: nothing that can be drawn",
            wanted="a network that tells classes of grey or coloured images apart",
            way_out="Use snarc predict, or draw for another run: snarc train digits makes one in a minute.",
        )


def decoded(data: bytes) -> np.ndarray:
    """The pixels of an image file, uint8 ``(H, W, 3)``, at most 640 along the longer side."""
    try:
        (height, width), _ = probe(data, "the picture")
        if height * width > PIXELS:
            raise Refused(
                413, f"The picture has {height} x {width} pixels; at most {PIXELS // 10**6} million are read."
            )
        scale = min(1.0, SIDE / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        return decode(data, "the picture", Look(size, 3))
    except DataError as error:
        raise Refused(400, f"{error.came[0].upper()}{error.came[1:]}; wanted: {error.wanted}.") from None


def _checked(kind: type[Any], asked: Mapping[str, Any]) -> Any:
    try:
        return kind.model_validate(dict(asked))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"] if not isinstance(part, str) or part in _known(kind))
        raise Refused(400, f"{place or 'The request'}: {first['msg']}.") from None


def _known(kind: type[BaseModel]) -> set[str]:
    return {*kind.model_fields, *_Line.model_fields}


def _maps(seen: Inside, at: int) -> list[dict[str, Any]]:
    found = []
    for path, maps in seen.maps.items():
        one = maps[at]
        most = float(np.abs(one).max()) or 1.0
        found.append({"layer": path, "most": most, "maps": _packed(np.rint(one / most * 127).astype(np.int8))})
    return found


def _packed(array: np.ndarray) -> dict[str, Any]:
    return {"shape": list(array.shape), "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")}


def _plain(values: np.ndarray) -> list[float]:
    return [round(float(v), 6) for v in values]


def _colour(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
