"""Estimators: the same training as snarc.fit, weights that count, going on, storing, and refusing."""

from __future__ import annotations

import copy
import io
import pickle  # noqa: TID251  what users of an estimator may choose to do with it

import joblib  # noqa: TID251  the same
import numpy as np
import pytest
from flax import nnx
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import snarc
from snarc import SnarcClassifier, SnarcRegressor
from snarc.errors import DataError, ModelError, RecipeError, UnknownNameError
from snarc.estimators.engine import mean_and_scale, model_for

IRIS = load_iris(return_X_y=True)
FAST = {"model": "*-20-*", "epochs": 40, "learning_rate": 0.02, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return SnarcClassifier(**FAST).fit(*IRIS)


def small_net(*, inputs, outputs, rngs):
    """A factory, as users write them."""
    return nnx.Sequential(nnx.Linear(inputs[0], 12, rngs=rngs), nnx.tanh, nnx.Linear(12, outputs, rngs=rngs))


def test_it_is_the_network_that_fit_trains(digits):
    """With batches smaller than the data nothing is rearranged: bit for bit what snarc.fit computes."""
    x, y = digits.train.inputs.reshape(len(digits.train), -1), digits.train.targets
    fields = {"epochs": 2, "batch_size": 100, "learning_rate": 0.01, "optimizer": "momentum"}
    own = SnarcClassifier("64-20-10", random_state=3, **fields).fit(x, y)
    train = snarc.Split(x.astype(np.float32), y)
    none = train.take(slice(0, 0))
    data = snarc.Dataset("arrays", digits.task, train, none, none)
    run = snarc.fit("64-20-10", data, seed=3, out=False, progress=False, **fields)
    np.testing.assert_array_equal(own.run_.networks[0].body.layers[0].kernel, run.networks[0].body.layers[0].kernel)
    np.testing.assert_allclose(own.predict_proba(x[:9]), run.probabilities(x[:9]), atol=1e-6)
    assert own.recipe_ == run.recipe
    assert own.n_iter_ == len(own.loss_curve_) == 2


def test_the_layout_and_the_recipe_say_what_was_trained(fitted):
    assert fitted.recipe_.model == "4-20-3"
    assert fitted.recipe_.epochs == 40
    assert fitted.recipe_.seed == 0
    assert fitted.score(*IRIS) > 0.9
    assert fitted.predict_proba(IRIS[0]).sum(axis=1) == pytest.approx(1)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(IRIS[0])), fitted.predict_proba(IRIS[0]))
    np.testing.assert_array_equal(fitted.decision_function(IRIS[0]).argmax(1), fitted.predict(IRIS[0]))


@pytest.mark.parametrize(
    ("given", "inputs", "outputs", "wanted"),
    [
        ("*-30-*", (4,), 3, "4-30-3"),
        ("*-30:tanh-10-*", (2, 3, 1), 5, "6-30:tanh-10-5"),
        ("*-*", (7,), 2, "7-2"),
        ("4-9-3", (4,), 3, "4-9-3"),
        ("linear", (4,), 3, "linear"),
        ("auto", (4,), 3, "mlp"),
        ("auto", (28, 28, 1), 10, "lenet5"),
    ],
)
def test_sizes_come_from_the_data(given, inputs, outputs, wanted):
    assert model_for(given, inputs, outputs) == wanted


def test_weights_count_as_repetitions_to_the_last_bit():
    x, y = load_diabetes(return_X_y=True)
    x, y = x[:80], y[:80]
    times = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = SnarcRegressor(**FAST).fit(x, y, sample_weight=times)
    order = np.random.default_rng(1).permutation(times.sum())
    repeated = SnarcRegressor(**FAST).fit(x.repeat(times, axis=0)[order], y.repeat(times)[order])
    np.testing.assert_array_equal(weighted.predict(x), repeated.predict(x))
    plain = SnarcRegressor(**FAST).fit(x, y)
    assert np.abs(plain.predict(x) - weighted.predict(x)).max() > 1


def test_class_weights_are_sample_weights():
    x, y = IRIS
    weight = {0: 1.0, 1: 5.0, 2: 0.5}
    one = SnarcClassifier(**FAST, class_weight=weight).fit(x, y)
    two = SnarcClassifier(**FAST).fit(x, y, sample_weight=[weight[label] for label in y])
    np.testing.assert_array_equal(one.decision_function(x), two.decision_function(x))
    rare = np.r_[0:50, 50:100, 100:105]
    balanced = SnarcClassifier(**FAST, class_weight="balanced").fit(x[rare], y[rare])
    by_hand = SnarcClassifier(**FAST).fit(x[rare], y[rare], sample_weight=1 / np.bincount(y[rare])[y[rare]])
    np.testing.assert_allclose(balanced.predict_proba(x), by_hand.predict_proba(x), atol=1e-4)


def test_labels_keep_their_kind():
    x, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"], object)[y]
    found = SnarcClassifier(**FAST).fit(x, names)
    assert found.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(found.predict(x)) <= set(names)
    assert found.run_.task.classes == ("setosa", "versicolor", "virginica")
    truth = SnarcClassifier(**FAST).fit(x, y == 1)
    assert truth.predict(x).dtype == bool
    assert truth.decision_function(x).shape == (150,)
    shifted = SnarcClassifier(**FAST).fit(x, y * 10 - 7)
    np.testing.assert_array_equal(shifted.predict(x), found.classes_.searchsorted(found.predict(x)) * 10 - 7)


def test_pipelines_searches_and_folds():
    x, y = IRIS
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SnarcClassifier(**FAST)),
        {"snarcclassifier__model": ["*-3-*", "*-20-*"], "snarcclassifier__learning_rate": np.array([0.02])},
        cv=2,
    )  # fmt: skip
    assert search.fit(x, y).best_score_ > 0.9
    assert search.best_params_["snarcclassifier__model"] in ("*-3-*", "*-20-*")
    assert cross_val_score(SnarcRegressor(**FAST), *load_diabetes(return_X_y=True), cv=2).mean() > 0.3


def test_folds_in_two_processes_are_those_of_one():
    estimator = SnarcClassifier(**{**FAST, "epochs": 3})
    one = cross_val_score(estimator, *IRIS, cv=2)
    np.testing.assert_array_equal(cross_val_score(estimator, *IRIS, cv=2, n_jobs=2), one)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_give_their_names(library):
    frames = pytest.importorskip(library)
    x, y = IRIS
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    table = frames.DataFrame(dict(zip(names, x.T)))
    found = SnarcClassifier(**FAST).fit(table, y)
    assert found.feature_names_in_.tolist() == names
    assert found.run_.about["dataset"]["columns"] == names
    np.testing.assert_array_equal(found.predict(table), SnarcClassifier(**FAST).fit(x, y).predict(x))
    with pytest.raises(ValueError, match="feature names"):
        found.predict(table[names[::-1]])


def test_lists_and_fortran_order_are_the_same_numbers(fitted):
    x, y = IRIS
    found = SnarcClassifier(**FAST).fit(x.tolist(), y.tolist())
    np.testing.assert_array_equal(found.decision_function(np.asfortranarray(x)), fitted.decision_function(x))


def test_images_in_rows():
    x = np.random.default_rng(0).random((40, 144), np.float32)
    y = (x[:, :72].mean(1) > x[:, 72:].mean(1)).astype(int)
    found = SnarcClassifier("lenet5", input_shape=(12, 12, 1), epochs=1, random_state=0).fit(x, y)
    assert found.run_.inputs == (12, 12, 1)
    assert found.predict(x).shape == (40,)
    with pytest.raises(DataError, match="input_shape"):
        SnarcClassifier("lenet5", input_shape=(12, 13, 1)).fit(x, y)


def test_a_factory_is_a_model_and_can_be_stored():
    found = SnarcClassifier(small_net, epochs=20, learning_rate=0.05, random_state=0).fit(*IRIS)
    assert found.score(*IRIS) > 0.9
    again = pickle.loads(pickle.dumps(found))  # noqa: S301
    np.testing.assert_array_equal(again.predict_proba(IRIS[0]), found.predict_proba(IRIS[0]))
    assert clone(found).model is small_net


def test_stored_by_its_users_it_holds_arrays_alone(fitted, tmp_path):
    class OnlyPlain(pickle.Unpickler):
        def find_class(self, module, name):
            assert module.split(".")[0] not in ("jax", "jaxlib", "flax"), (module, name)
            return super().find_class(module, name)

    data = pickle.dumps(fitted)
    found = OnlyPlain(io.BytesIO(data)).load()
    joblib.dump(fitted, tmp_path / "there.joblib")
    for one in (found, joblib.load(tmp_path / "there.joblib"), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(one.predict_proba(IRIS[0]), fitted.predict_proba(IRIS[0]))
        assert one.recipe_ == fitted.recipe_
        assert one.loss_curve_ == fitted.loss_curve_
    assert len(data) < 30_000  # no training data in it


def test_passes_continue_where_they_were_even_after_storing():
    x, y = IRIS
    parts = np.array_split(np.random.default_rng(0).permutation(150), 3)
    one, two = (SnarcClassifier("*-20-*", learning_rate=0.05, random_state=0) for _ in range(2))
    for part in parts * 4:
        one.partial_fit(x[part], y[part], classes=[0, 1, 2])
        two = pickle.loads(pickle.dumps(two)).partial_fit(x[part], y[part], classes=[0, 1, 2])  # noqa: S301
    np.testing.assert_array_equal(one.decision_function(x), two.decision_function(x))
    assert one.n_iter_ == 12
    assert one.score(x, y) > 0.85
    # Adam's memory is part of where it was: with a fresh one at every pass the weights would be others.
    three = SnarcClassifier("*-20-*", learning_rate=0.05, random_state=0)
    for part in parts * 4:
        three.partial_fit(x[part], y[part], classes=[0, 1, 2])
        three._memory = None
    assert np.abs(three.decision_function(x) - one.decision_function(x)).max() > 1e-3


def test_a_warm_start_goes_on():
    x, y = IRIS
    cold = SnarcClassifier(**{**FAST, "epochs": 5}).fit(x, y)
    before = log_loss(y, cold.predict_proba(x))
    warm = clone(cold).set_params(warm_start=True).fit(x, y)
    for _ in range(4):
        warm.fit(x, y)
    assert log_loss(y, warm.predict_proba(x)) < 0.7 * before
    assert warm.n_iter_ == 5
    assert cold.fit(x, y).decision_function(x) == pytest.approx(clone(cold).fit(x, y).decision_function(x))
    with pytest.raises(DataError, match="not in classes_"):
        warm.fit(x, y + 1)
    with pytest.raises(ModelError, match="another shape"):
        warm.set_params(model="*-21-*").fit(x, y)


def test_early_stopping_holds_out_and_brings_the_best_back():
    x, y = load_breast_cancer(return_X_y=True)
    fast = SnarcClassifier(
        "*-30-*", early_stopping=3, validation_fraction=0.25, epochs=200, learning_rate=0.03, random_state=0
    )
    found = fast.fit(x, y)
    assert found.n_iter_ < 200
    curve = found.run_.history["validation_loss"][0]
    assert int(curve.argmin()) == len(curve) - 4
    assert found.run_.about["dataset"]["sizes"]["validation"] == 142


def test_random_states():
    x, y = IRIS
    quick = {**FAST, "epochs": 2}

    def seen(state):
        return SnarcClassifier(**{**quick, "random_state": state}).fit(x, y)

    assert seen(7).recipe_.seed == 7
    assert seen(np.random.RandomState(7)).recipe_.seed == seen(np.random.RandomState(7)).recipe_.seed
    state = np.random.RandomState(7)
    assert seen(state).recipe_.seed != seen(state).recipe_.seed
    with pytest.raises(ValueError, match="cannot be used to seed"):
        seen("seven")


def test_replicas_average_their_probabilities():
    x, y = IRIS
    three = SnarcClassifier(**{**FAST, "replicas": 3}).fit(x, y)
    alone = [SnarcClassifier(**{**FAST, "random_state": k}).fit(x, y).predict_proba(x) for k in range(3)]
    np.testing.assert_allclose(three.predict_proba(x), np.mean(alone, axis=0), atol=1e-12)


def test_losses_without_probabilities_offer_none():
    x, y = IRIS
    hinge = SnarcClassifier(**FAST, loss="hinge").fit(x, y)
    assert hinge.score(x, y) > 0.9
    assert not hasattr(hinge, "predict_proba")
    logistic = SnarcClassifier(**FAST, loss="logistic").fit(x, y)
    assert logistic.predict_proba(x).sum(axis=1) == pytest.approx(1)
    assert logistic.score(x, y) > 0.8


def test_regression_of_any_scale_and_several_targets():
    x, y = load_diabetes(return_X_y=True)
    one = SnarcRegressor(**FAST).fit(x, y)
    other = SnarcRegressor(**FAST).fit(x, 1e6 * y - 3e7)
    np.testing.assert_allclose(other.predict(x), 1e6 * one.predict(x) - 3e7, rtol=1e-3)
    peer = MLPRegressor(hidden_layer_sizes=(20,), learning_rate_init=0.02, max_iter=400, random_state=0).fit(
        x, (y - y.mean()) / y.std()
    )
    assert one.score(x, y) > peer.score(x, (y - y.mean()) / y.std()) - 0.15
    both = SnarcRegressor(**FAST).fit(x, np.c_[y, -y])
    assert both.predict(x).shape == (442, 2)
    assert np.corrcoef(both.predict(x).T)[0, 1] < -0.95
    np.testing.assert_allclose((both.target_mean_, both.target_scale_), ([y.mean(), -y.mean()], [y.std()] * 2))


def test_moments_of_targets_are_numpy_s(rng):
    y, weights = rng.normal(3, 2, (40, 2)), rng.random(40)
    mean, scale = mean_and_scale(y, weights)
    np.testing.assert_allclose(mean, np.average(y, axis=0, weights=weights))
    np.testing.assert_allclose(scale**2, np.average((y - mean) ** 2, axis=0, weights=weights))
    assert mean_and_scale(np.full((5, 1), 2.0), None)[1].tolist() == [1.0]


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"model": "lenet"}, UnknownNameError, "Did you mean 'lenet5'"),
        ({"model": "*-0-*"}, ModelError, "layer '0'"),
        ({"model": 3}, ModelError, "model of type int"),
        ({"optimizer": "adm"}, RecipeError, "optimizer"),
        ({"batch_size": 0}, RecipeError, "batch_size=0"),
        ({"early_stopping": 2.5}, RecipeError, "early_stopping=2.5"),
        ({"recipe": {"clip": 1.0}}, RecipeError, "Did you mean 'clip_norm'"),
        ({"recipe": {"epochs": 3}}, RecipeError, "Set epochs="),
        ({"recipe": {"seed": 3}}, RecipeError, "Set random_state="),
        ({"early_stopping": True, "validation_fraction": 1.5}, DataError, "validation_fraction=1.5"),
    ],
)
def test_what_cannot_be_is_refused(options, kind, says):
    with pytest.raises(kind, match=says.replace("*", r"\*").replace("?", r"\?")):
        SnarcClassifier(**{**FAST, **options}).fit(*IRIS)


def test_data_that_cannot_be_is_refused():
    x, y = IRIS
    with pytest.raises(DataError, match="one class only"):
        SnarcClassifier().fit(x, np.zeros(150))
    with pytest.raises(DataError, match="row 3, column 1"):
        SnarcClassifier().fit(np.where(np.arange(600).reshape(150, 4) == 13, 1e300, x), y)
    with pytest.raises(ValueError, match="zero"):  # scikit-learn's own from 1.7 on
        SnarcClassifier().fit(x, y, sample_weight=np.zeros(150))
    with pytest.raises(DataError, match="without classes"):
        SnarcClassifier().partial_fit(x, y)
    with pytest.raises(DataError, match="not in classes_"):
        SnarcClassifier().partial_fit(x, y, classes=[0, 1])
    with pytest.raises(NotFittedError):
        SnarcClassifier().predict(x)


def test_ctrl_c_is_not_swallowed(monkeypatch):
    """A search over hundreds of fits must end at the first Ctrl-C; what was learnt is there all the same."""
    from snarc.estimators import engine

    learn = engine.learn

    def interrupted(*args, **options):
        import dataclasses

        run, memory = learn(*args, **options)
        return dataclasses.replace(run, status="interrupted"), memory

    monkeypatch.setattr(engine, "learn", interrupted)
    estimator = SnarcClassifier(**{**FAST, "epochs": 2})
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*IRIS)
    assert estimator.predict(IRIS[0]).shape == (150,)


def test_instruments_read_a_fitted_estimator(fitted):
    found = snarc.trust.calibration(fitted.run_, IRIS)
    assert 0 <= found.numbers["ece"].mean < 0.3
