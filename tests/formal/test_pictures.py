"""Pictures and films: they show what they should, and refuse what cannot be shown."""

import re

import numpy as np
import pytest
from PIL import Image

from snarc import draw
from snarc.errors import FormalError, LimitError
from snarc.formal import (
    Neuron,
    animate,
    approximate,
    boolean,
    boxes,
    convex,
    cover,
    draw_approximation,
    draw_cantor,
    draw_machine,
    draw_network,
    draw_patchwork,
    draw_region,
    draw_synthesis,
    draw_truth_table,
    network,
    parity,
    regular_polygon,
    run,
    smooth,
    turing,
)


def texts(figure):
    return " ".join(re.findall(r">([^<]+)</text>", draw.svg(figure)))


def test_a_network_shows_its_neurons_weights_and_lit_states():
    made = boolean("x1 xor x2")
    figure = draw_network(made.network, run(made.network, (1, 0)).states[-1], title="one and zero")
    said = texts(figure)
    for word in ("x1", "h2", "bias", "−1", "one and zero"):
        assert word in said
    colours = [p.get_facecolor() for p in figure.axes[0].patches if type(p).__name__ == "Circle"]
    assert len(colours) == 5
    white = sum(np.allclose(c[:3], 1, atol=0.01) for c in colours)
    assert white == 2  # x2 and the hidden neuron for the other row are dark


def test_cyclic_networks_are_drawn_in_a_circle():
    net = network(("a",), {"a": Neuron({"b": 1, "a": 2}, 3), "b": Neuron({"a": -1})}, ("b",))
    assert "bias 3" in texts(draw_network(net))


def test_films(tmp_path):
    done = run(parity(2).network, (1, 0))
    gif = animate(done, tmp_path / "xor.gif")
    with Image.open(gif) as film:
        assert film.n_frames == len(done.states) == 3
        first = np.asarray(film.convert("RGB"), int)
        film.seek(2)
        assert np.abs(np.asarray(film.convert("RGB"), int) - first).max() > 50
    page = animate(done, tmp_path / "xor.html", title="<xor>").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(done.states) + 1
    assert "&lt;xor&gt;" in page
    assert "<xor>" not in page
    assert not re.search(r"(src|href)=\"https?:", page)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["xor.gif", "xor.html"]
    with pytest.raises(FormalError, match=r"\.gif or \.html"):
        animate(done, tmp_path / "xor.mp4")
    with pytest.raises(FormalError, match="traced"):
        animate(run(parity(4).network, (1, 0, 0, 0), trace=False), tmp_path / "a.gif")


def test_too_large_pictures_are_refused():
    with pytest.raises(LimitError, match="at most 400"):
        draw_network(boolean(np.ones(2**9, bool)).network)
    with pytest.raises(LimitError, match="at most 6"):
        draw_truth_table(parity(7))
    assert "variables" in texts(draw_synthesis(boolean(np.ones(2**9, bool))))
    assert "nand1" in texts(draw_truth_table(parity(2)))
    with pytest.raises(FormalError, match="dimensions"):
        draw_region(cover("x1 > 0.5", 4, ([0.0], [1.0])))


def test_machines_show_tape_and_neurons():
    for name, word in (("bb4", ""), ("palindromes", "aba")):
        done = turing(name).run(word)
        assert "cell of the tape" in texts(draw_machine(done, "title of it"))
        assert "right" in texts(draw_cantor(done))


def test_shapes_and_functions_are_drawn():
    assert "output of the network" in texts(draw_region(smooth(convex(regular_polygon(5)), 40)))
    assert "proved bound" in texts(draw_approximation(approximate("sin(6*x)", 0.05)))
    assert "difference" in texts(draw_patchwork(boxes("x*y", 8)))
