"""What the page of ``snarc try`` answers: against the run itself, and against what is known."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from snarc.data import from_arrays
from snarc.data._paper import Paper
from snarc.errors import DataError
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build
from snarc.playground.drawing import FILES, Drawing, check
from snarc.playground.limits import UPLOAD_BYTES, Refused
from snarc.playground.server import application
from snarc.playground.sessions import Sessions
from snarc.trust.conformal import ConformalSets

from .conftest import SEVEN, made


def opened(packed):
    kind = np.int8 if packed.get("signed") else np.uint8
    return np.frombuffer(base64.b64decode(packed["data"]), kind).reshape(packed["shape"])


def file(image, kind="PNG"):
    out = io.BytesIO()
    image.save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


def test_it_tells_of_the_run_and_not_where_it_lies(drawing, small_run):
    found = drawing.about({}, "")
    assert found["classes"] == list("0123456789")
    assert (found["size"], found["channels"], found["replicas"]) == ([8, 8], 1, 2)
    assert found["calibration"] == len(small_run.dataset.validation)
    assert found["neighbours"]["features"] == 24
    assert "/" not in str(found)


def test_only_the_shell_of_the_page_is_open_and_all_of_it_is_served(drawing):
    with ThreadPoolExecutor(1) as worker:
        guard, _ = application([drawing.page()], ["localhost"], Sessions(), worker)
    shell = {"/", *(f"/try/{name}" for name in (*FILES[1:], "look.css"))}
    assert {path for path, rule in guard.rules.items() if rule.open} == {"/session", *shell}
    assert not [path for path in shell if guard.rules[path].method != "GET"]
    pages = resources.files("snarc.playground") / "pages"
    for name in FILES:
        wanted = re.findall(r'(?:from "\./|(?:src|href)="try/)([\w.]+)"', (pages / name).read_text(encoding="utf-8"))
        assert {f"/try/{other}" for other in wanted} <= shell
    assert {one.name for one in pages.iterdir() if one.is_file()} == set(FILES)


@pytest.mark.parametrize("centred", [False, True])
def test_the_answer_is_that_of_the_run_for_what_is_shown(drawing, small_run, centred):
    found = drawing.read({"lines": SEVEN, "centred": centred}, "")
    assert found["at"] == centred
    inputs = np.stack([opened(one["picture"]) for one in found["variants"]]).astype(np.float32) / 255
    known = small_run.probabilities(inputs)
    shown = np.array([one["probabilities"] for one in found["variants"]])
    assert np.abs(shown - known).max() < 0.02  # what is shown is rounded to 256 greys
    each = np.array(found["replicas"])
    assert np.allclose(each.mean(axis=0), shown[found["at"]], atol=2e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-4  # two networks, not one twice


def test_prediction_sets_are_those_of_split_conformal_prediction(drawing, small_run):
    validation = small_run.dataset.validation
    chances = small_run.probabilities(validation.inputs)
    found = drawing.read({"lines": SEVEN}, "")
    likely = np.array(found["variants"][0]["probabilities"])[None]
    for one in found["sets"]:
        fitted = ConformalSets.fit(chances, validation.targets, coverage=one["coverage"])
        if np.abs(1 - likely - fitted.thresholds).min() > 1e-5:
            assert one["classes"] == np.flatnonzero(fitted.sets(likely)[0]).tolist()
    assert [one["coverage"] for one in found["sets"]] == [0.9, 0.99]


def test_similar_examples_are_the_nearest_by_features(drawing, small_run):
    found = drawing.read({"lines": SEVEN}, "")["neighbours"]
    assert len(found) == 8
    distances = [one["distance"] for one in found]
    assert distances == sorted(distances)
    train = small_run.dataset.train
    seen = small_run.subject()
    features = np.asarray(list(seen.received(train.inputs).values())[-1])
    x = drawing._inputs(_Asked(SEVEN), "")[:1]
    own = np.asarray(list(seen.received(x).values())[-1])[0]
    known = np.sort(np.sqrt(((features - own) ** 2).sum(axis=1)))[:8]
    assert np.allclose(distances, known, rtol=1e-4)


class _Asked:
    def __init__(self, lines):
        from snarc.playground.drawing import _Line

        self.lines = [_Line(**one) for one in lines]
        self.picture, self.centred = None, False


def test_a_training_example_finds_itself_first(drawing, small_run):
    pixels = np.rint(small_run.dataset.train.inputs[7, ..., 0] * 255).astype(np.uint8)
    name = drawing.upload({"image": file(Image.fromarray(pixels))}, "me")["picture"]
    found = drawing.read({"picture": name}, "me")
    assert np.abs(opened(found["variants"][0]["picture"])[..., 0].astype(int) - pixels).max() <= 1
    assert found["neighbours"][0]["label"] == small_run.dataset.train.targets[7]
    assert found["neighbours"][0]["distance"] < 0.1 * found["neighbours"][1]["distance"]


def test_layers_are_shown_as_the_network_returns_them(drawing, small_run):
    found = drawing.read({"lines": SEVEN}, "")["maps"]
    x = drawing._inputs(_Asked(SEVEN), "")[:1]
    known = small_run.subject().activations(x)
    assert len(found) == 2
    for one in found:
        values = np.asarray(known[one["layer"]])[0]
        shown = opened({**one["maps"], "signed": True}) / 127 * one["most"]
        assert np.abs(shown - values).max() <= one["most"] / 127
        assert one["most"] == pytest.approx(np.abs(values).max(), rel=1e-5)


def test_beyond_the_boundary_the_answer_is_another_and_the_distance_is_the_length_of_the_change(drawing, small_run):
    found = drawing.boundary({"lines": SEVEN, "centred": True}, "")
    assert found["found"]
    before, after = (opened(found[name]).astype(np.float64) / 255 for name in ("before", "after"))
    seen = small_run.subject()
    answers = np.asarray(seen.logits(np.stack([before, after]).astype(np.float32))).argmax(axis=1)
    assert answers[0] == found["from"] != found["to"]
    assert abs(np.sqrt(((after - before) ** 2).sum()) - found["distance"]) < 0.05
    assert np.abs(after - before).max() == pytest.approx(found["most"], abs=0.01)
    low, middle, high = found["typical"]
    assert 0 < low < middle < high


def test_distances_are_in_pixels_whatever_the_inputs_count_in(rng):
    """Pixels from 0 to 16: a change is as long as it looks, and not sixteen times that."""
    x = np.zeros((60, 8, 8, 1), np.float32)
    right = np.arange(60) % 2
    x[right == 0, 2:6, 2:4] = x[right == 1, 2:6, 4:6] = 16
    x *= rng.random((60, 1, 1, 1)) > 0.1
    network = Network(Standardise(1), build("linear", inputs=(8, 8, 1), outputs=2))
    network.body.output.kernel[...] = jnp.asarray(np.tile(np.repeat(np.eye(2), 4, axis=0), (8, 1)) / 20, jnp.float32)
    page = Drawing(made(from_arrays(x, right, name="halves"), network))
    found = page.boundary({"lines": [{"points": [0.3, 0.3, 0.3, 0.7], "width": 0.2}]}, "")
    before, after = (opened(found[name])[..., 0] / 255 for name in ("before", "after"))
    assert (found["from"], found["to"]) == (0, 1)
    assert before.max() > 0.9
    # The boundary is a hyperplane, at this distance; where black cannot become blacker the way is longer.
    known = (before[:, :4].sum() - before[:, 4:].sum()) / np.sqrt(64)
    assert known <= found["distance"] < 2 * known
    assert found["distance"] == pytest.approx(np.sqrt(((after - before) ** 2).sum()), abs=0.05)
    assert found["most"] == pytest.approx(np.abs(after - before).max(), abs=0.01)
    assert page.about({}, "")["measured"] == len(page.typical) > 0


def test_an_empty_sheet_is_no_picture(drawing):
    assert drawing.read({"lines": []}, "") == {"empty": True}
    assert drawing.boundary({}, "") == {"empty": True}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("negative", [False, True])
def test_dark_on_light_and_light_on_dark_are_read_alike(drawing, kind, negative):
    page = np.full((120, 90), 40, np.uint8)
    page[20:100, 40:52] = 230  # a one
    image = Image.fromarray(255 - page if negative else page).convert("RGB")
    name = drawing.upload({"image": file(image, kind)}, "me")["picture"]
    found = drawing.read({"picture": name, "centred": True}, "me")
    shown = opened(found["variants"][1]["picture"])[..., 0]
    assert shown[:, 0].max() < 60
    assert shown[:, 3:5].max() > 200


def _bomb(width, height):
    """A PNG of many pixels and few bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (height * (width + 1)), 9)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BAD = {
    "no base64": "§§§",
    "text": base64.b64encode(b"hello there").decode(),
    "nothing": "",
    "TIFF": file(Image.new("L", (8, 8)), "TIFF"),
    "EPS": file(Image.new("L", (8, 8)), "EPS"),
    "truncated": file(Image.effect_noise((64, 64), 50))[:400],
    "20 million pixels": base64.b64encode(_bomb(5000, 4001)).decode(),
}


@pytest.mark.parametrize("image", BAD.values(), ids=BAD)
def test_what_is_no_image_is_refused_in_a_sentence(drawing, image):
    with pytest.raises(Refused) as caught:
        drawing.upload({"image": image}, "me")
    assert caught.value.status in (400, 413)
    assert "/" not in caught.value.sentence
    assert "Traceback" not in caught.value.sentence


def test_ten_megabytes_and_no_more(drawing):
    with pytest.raises(Refused) as caught:
        drawing.upload({"image": "A" * (4 * UPLOAD_BYTES // 3 + 8)}, "me")
    assert caught.value.status in (400, 413)


def test_pictures_have_names_that_the_server_makes_and_belong_to_their_session(drawing):
    name = drawing.upload({"image": file(Image.new("L", (9, 9)))}, "me")["picture"]
    assert len(name) == 16
    assert int(name, 16) >= 0
    for session, asked in (("you", name), ("me", "0" * 16)):
        with pytest.raises(Refused) as caught:
            drawing.read({"picture": asked}, session)
        assert caught.value.status == 404
    for _ in range(20):
        last = drawing.upload({"image": file(Image.new("L", (9, 9)))}, "me")["picture"]
    assert len(drawing._pictures) <= 16
    assert drawing.read({"picture": last}, "me")["empty"] is False


WRONG = {
    "an unknown key": {"lines": [], "path": "/etc/passwd"},
    "a picture by path": {"picture": "../../run"},
    "a name in capitals": {"picture": "ABC"},
    "half a point": {"lines": [{"points": [0.1, 0.2, 0.3], "width": 0.1}]},
    "far away": {"lines": [{"points": [0.1, 1e9], "width": 0.1}]},
    "a number as text": {"lines": [{"points": ["0.1", "0.2"], "width": 0.1}]},
    "not finite": {"lines": [{"points": [float("nan"), 0.2], "width": 0.1}]},
    "a pen as wide as the sea": {"lines": [{"points": [0.1, 0.2], "width": 9}]},
    "no width": {"lines": [{"points": [0.1, 0.2]}]},
    "a colour by name": {"lines": [{"points": [0.1, 0.2], "width": 0.1, "colour": "url(x)"}]},
    "too many lines": {"lines": [{"points": [0.1, 0.2], "width": 0.1}] * 401},
    "too many points": {"lines": [{"points": [0.1] * 8002, "width": 0.1}]},
    "too many points in all": {"lines": [{"points": [0.1] * 8000, "width": 0.1}] * 6},
    "a number for yes": {"centred": 1},
    "markup": {"<script>": 1},
}


@pytest.mark.parametrize("asked", WRONG.values(), ids=WRONG)
def test_what_was_not_asked_for_is_refused(drawing, asked):
    with pytest.raises(Refused) as caught:
        drawing.read(asked, "me")
    assert caught.value.status == 400
    assert "<" not in caught.value.sentence
    assert "passwd" not in caught.value.sentence


@pytest.mark.parametrize("inputs", [(3,), (8, 8, 2), (20, 3)])
def test_a_run_without_pictures_is_refused_in_a_sentence(small_run, inputs):
    with pytest.raises(DataError, match="nothing that can be drawn"):
        check(dataclasses.replace(small_run, inputs=inputs))
    check(small_run)


def test_without_its_data_a_run_can_still_be_tried(small_run, tmp_path):
    class Gone:
        def __get__(self, *_):
            raise DataError("no data", wanted="data", way_out="None.")

    kind = type("Orphan", (type(small_run),), {"dataset": Gone()})
    fields = {f.name: getattr(small_run, f.name) for f in dataclasses.fields(small_run) if f.name != "_dataset"}
    page = Drawing(kind(**fields))
    found = page.about({}, "")
    assert found["neighbours"] is None
    assert found["calibration"] == 0
    assert "not at hand" in found["missing"]
    answer = page.read({"lines": SEVEN}, "")
    assert (answer["sets"], answer["neighbours"]) == ([], [])
    assert page.boundary({"lines": SEVEN}, "")["typical"] is None


def test_coloured_pictures_of_another_size(rng):
    """A network that sums up the red, the green and the blue says which there is most of."""
    x = rng.integers(0, 256, (120, 12, 16, 3), np.uint8)
    network = Network(Standardise(3), build("linear", inputs=(12, 16, 3), outputs=3))
    network.body.output.kernel[...] = jnp.asarray(np.tile(np.eye(3), (12 * 16, 1)) / 20, jnp.float32)
    page = Drawing(made(from_arrays(x, x.mean(axis=(1, 2)).argmax(axis=1), name="noise"), network))
    about = page.about({}, "")
    assert (about["size"], about["channels"], about["can_centre"], about["ground"]) == ([12, 16], 3, False, None)
    assert about["neighbours"]["pixels"]
    for k, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
        ground = rng.integers(0, 200, (60, 200, 3), np.uint8)
        ground[..., k] = colour[k]
        name = page.upload({"image": file(Image.fromarray(ground))}, "me")["picture"]
        found = page.read({"picture": name}, "me")
        assert opened(found["variants"][0]["picture"]).shape == (12, 16, 3)
        assert int(np.argmax(found["variants"][0]["probabilities"])) == k
        # The boundary between two sums is a hyperplane, whose distance is known; two per cent are overshoot, and the
        # picture keeps between black and white, which can only make the way longer.
        beyond = page.boundary({"picture": name}, "me")
        x = opened(beyond["before"]).astype(np.float64) / 255
        sums = x.sum(axis=(0, 1))
        known = (sums[k] - np.sort(sums)[1]) / np.sqrt(2 * 12 * 16)
        assert beyond["found"]
        assert known <= beyond["distance"] < 1.3 * known + 0.02
    red = [{"points": [0.0, 0.5, 1.0, 0.5], "width": 0.5, "colour": "#ff0000"}]
    shown = opened(page.read({"lines": red}, "me")["variants"][0]["picture"])
    assert shown[6, 8].tolist() == [255, 0, 0]
    assert shown[0, 0].tolist() == [255, 255, 255]


def test_paper_of_the_bundled_digits(digits):
    found = Paper.of(digits.train.inputs)
    assert (found.size, found.channels, found.ground, found.box) == ((8, 8), 1, 0.0, 8)
