"""Films open where they should, hold every frame, and show that something changes."""

import re

import numpy as np
import pytest
from PIL import Image

from snarc.errors import DataError, LimitError, RecipeError
from snarc.film import animate
from snarc.learners import Adaline, Perceptron, film, picture
from snarc.learners.pictures import steps_to_show

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([-1, 1, 1, 1])


@pytest.fixture
def neuron():
    neuron = Perceptron(record="mistake").fit(X, T)
    assert len(neuron.path_) > 5
    return neuron


def test_gif_has_a_frame_for_each_record(neuron, tmp_path):
    path = film(neuron, X, T, tmp_path / "and.gif", fps=5)
    with Image.open(path) as image:
        assert image.n_frames == len(neuron.path_)
        assert image.info["loop"] == 0
        assert image.info["duration"] == 200
        image.seek(1)
        one = np.asarray(image.convert("RGB")).astype(int)
        image.seek(image.n_frames - 1)
        last = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(one - last).max() > 50
    assert [p.name for p in tmp_path.iterdir()] == ["and.gif"]


def test_page_holds_its_frames_and_needs_no_network(neuron, tmp_path):
    text = film(neuron, X, T, tmp_path / "and.html", title="A < B").read_text()
    frames = re.search(r"const frames = \[(.*?)\];", text, re.DOTALL)[1].split(",")
    assert len(frames) == 2 * len(neuron.path_)  # "data:image/png;base64," has a comma of its own
    assert len(set(frames)) > 5
    assert "A &lt; B" in text
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", text)
    assert 'type="range"' in text


def test_boundary_in_the_picture_is_where_the_neuron_changes_its_mind(neuron):
    figure = picture(neuron, X, T)
    line = next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 2)
    field = neuron.decision_function(np.column_stack([line.get_xdata(), line.get_ydata()]))
    np.testing.assert_allclose(field, 0, atol=1e-9)


def test_standardised_line_is_drawn_in_the_units_of_the_data():
    x, y = np.array([[10.0], [20.0], [40.0]]), np.array([1.0, 2.0, 4.0])
    line = Adaline(standardise=True, learning_rate=1 / 3, epochs=5).fit(x, y)
    drawn = next(line for line in picture(line, x, y).axes[0].lines if len(line.get_xdata()) == 2)
    np.testing.assert_allclose(drawn.get_ydata(), 0.1 * np.asarray(drawn.get_xdata()), atol=1e-9)


@pytest.mark.parametrize(("count", "frames"), [(2, 60), (61, 60), (5000, 60), (100, 2), (3000, 99)])
def test_chosen_steps(count, frames):
    steps = steps_to_show(count, frames)
    assert len(steps) == min(count, frames) == len(set(steps))
    assert steps[0] == 0
    assert steps[-1] == count - 1
    assert steps == sorted(steps)


def test_refusals(neuron, tmp_path):
    with pytest.raises(RecipeError, match=r"\.gif or \.html"):
        animate(lambda k: picture(neuron, X, T, k), [0], tmp_path / "film.mp4")
    with pytest.raises(RecipeError, match="no frames"):
        animate(lambda k: picture(neuron, X, T, k), [], tmp_path / "film.gif")
    with pytest.raises(LimitError, match="1,001 frames"):
        animate(lambda k: picture(neuron, X, T, k), range(1001), tmp_path / "film.gif")
    with pytest.raises(DataError, match="wanted: inputs"):
        picture(neuron, np.zeros((4, 3)), T)
    with pytest.raises(RecipeError, match="step 99"):
        picture(neuron, X, T, 99)
    assert not list(tmp_path.iterdir())
