"""Advice in one weight, spikes against the closed form, and flipped bits."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from snarc import keys
from snarc.errors import FormalError, LimitError
from snarc.formal import (
    Membrane,
    advised,
    delta,
    flip,
    in_order,
    random_language,
    rate,
    simulate_spikes,
    sort_with_flip,
    sorting_steps,
)


@pytest.mark.parametrize("longest", [0, 1, 2, 4])
def test_a_network_with_advice_decides_its_language_exactly(longest):
    language = random_language(longest, seed=longest)
    made = advised(language.__getitem__, longest)
    expected = [language[word] for word in in_order(longest)]
    assert [made.decide(word) for word in in_order(longest)] == expected
    assert made.decide_all().tolist() == expected
    assert made.bits == len(language) == 2 ** (longest + 1) - 1
    assert made.network.size == 9


def test_a_random_language_of_all_words_up_to_12():
    language = random_language(12)
    made = advised(language.__getitem__, 12)
    assert made.bits == 8191 == len(language)
    assert made.decide_all().tolist() == [language[word] for word in in_order(12)]
    for word in ("000000000000", "0000000111", "00000000001"):  # one by one in fractions, where that is quick
        assert made.decide(word) == language[word]
    # not one bit can be spared: the advice gives the table back
    digits, value = [], made.advice
    for _ in range(made.bits):
        value *= 4
        digits.append(int(value))
        value -= digits[-1]
    assert [d == 3 for d in digits] == [language[word] for word in in_order(12)]


def test_words_come_in_the_order_of_delta():
    assert [delta(w) for w in in_order(5)] == sorted(delta(w) for w in in_order(5))
    assert random_language(6, seed=1) != random_language(6, seed=2)


def test_bad_advice():
    with pytest.raises(LimitError, match="no way around"):
        advised(lambda w: True, 17)
    made = advised(lambda w: True, 2)
    for word in ("000", "2"):
        with pytest.raises(FormalError, match="at most 2"):
            made.decide(word)


def test_rate_without_noise_over_20_currents():
    drive = np.linspace(21, 80, 20)
    spikes = simulate_spikes(drive, duration=20_000)
    assert np.abs(spikes.rates / rate(drive) - 1).max() < 0.02
    assert rate(19.9) == 0
    assert simulate_spikes([19.9], duration=500).rates[0] == 0


def test_the_closed_form_with_noise_equals_its_integral():
    m = Membrane()
    for drive, noise in ((15.0, 5.0), (22.0, 5.0), (25.0, 8.0)):
        low, high = (m.reset - m.rest - drive) / noise, (m.threshold - m.rest - drive) / noise
        integral = quad(lambda u: np.exp(u * u) * (1 + erf(u)), low, high, epsabs=1e-12)[0]
        expected = 1000 / (m.refractory + m.tau * np.sqrt(np.pi) * integral)
        assert float(rate(drive, noise)) == pytest.approx(expected, rel=1e-6)
    assert float(rate(30.0, 0.05)) == pytest.approx(float(rate(30.0)), rel=1e-3)


def test_rate_with_noise_over_20_currents():
    drive = np.linspace(16, 60, 20)
    spikes = simulate_spikes(np.repeat(drive, 100), 5.0, duration=5000, step=0.1)
    measured = spikes.rates.reshape(20, 100).mean(1)
    assert np.abs(measured / rate(drive, 5.0) - 1).max() < 0.02


def test_intervals_become_irregular_with_noise():
    variation = [simulate_spikes(np.full(40, 21.0), noise, duration=4000).variation for noise in (0, 1, 4, 8)]
    assert variation[0] < 1e-9
    assert variation == sorted(variation)
    assert variation[-1] > 0.5


def test_the_voltage_is_recorded_with_its_spikes():
    spikes = simulate_spikes([30.0, 5.0], duration=200, record=2)
    assert spikes.voltage.shape == (2000, 2)
    assert (spikes.voltage[:, 0] > -40).sum() == len(spikes.times[0]) > 3
    assert spikes.voltage[:, 1].max() < -50
    assert np.isnan(simulate_spikes([5.0], duration=50).variation)
    assert len(spikes.intervals) == len(spikes.times[0]) - 1


@pytest.mark.parametrize("options", [{"step": 5.0}, {"step": 0}, {"duration": -1}, {"noise": -1}])
def test_bad_simulations(options):
    with pytest.raises(FormalError):
        simulate_spikes([1.0], **options)
    with pytest.raises(FormalError):
        Membrane(reset=-40)
    with pytest.raises(FormalError):
        rate(1.0, -1.0)


def test_flipped_bits():
    x = np.array([1.5, -2.0, 0.1], np.float32)
    for bit in range(32):
        once = flip(x, 1, bit)
        assert (once != x).sum() <= 1
        np.testing.assert_array_equal(flip(once, 1, bit).view(np.uint32), x.view(np.uint32))
    assert flip(np.array([6]), 0, 0)[0] == 7
    assert flip(x, 1, 31)[1] == 2.0
    with pytest.raises(FormalError, match="bit 32"):
        flip(x, 0, 32)
    with pytest.raises(FormalError, match="numbers"):
        flip(np.array([True]), 0, 0)


def test_the_sorting_program():
    generator = keys.generator(0, "sort")
    for n in (1, 2, 12):
        numbers = generator.integers(0, 65536, n)
        assert sort_with_flip(numbers).outcome == "right"
    numbers = generator.integers(0, 65536, 12)
    steps = sorting_steps(numbers)
    assert sort_with_flip(numbers, steps + 1, 5, 3).outcome == "right"  # the flip comes after the end
    assert sort_with_flip(numbers, steps - 1, 5, 15).outcome == "wrong"
    assert sort_with_flip(numbers, 0, 0, 15).outcome == "crash"  # n jumps by 32768
    outcomes = {
        sort_with_flip(
            numbers, int(generator.integers(steps)), int(generator.integers(16)), int(generator.integers(16))
        ).outcome
        for _ in range(200)
    }
    assert outcomes == {"right", "wrong", "crash"}
