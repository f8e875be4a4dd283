"""A leaky integrate-and-fire neuron with a noisy current, and the closed form of its firing rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import FormalError


@dataclass(frozen=True)
class Membrane:
    """Constants of the neuron; potentials in mV, times in ms.

    Attributes
    ----------
    tau: time constant of the membrane.
    rest, threshold, reset: potentials.
    refractory: dead time after a spike.
    """

    tau: float = 20.0
    rest: float = -70.0
    threshold: float = -50.0
    reset: float = -60.0
    refractory: float = 2.0

    def __post_init__(self) -> None:
        if not (self.tau > 0 and self.refractory >= 0 and self.reset < self.threshold):
            raise FormalError(
                f"{self}", wanted="tau > 0, refractory >= 0, reset below threshold", way_out="Use Membrane()."
            )


@dataclass(frozen=True, eq=False)
class Spikes:
    """A simulated population of independent neurons.

    Attributes
    ----------
    times: one array of spike times (ms) a neuron.
    voltage: ``(recorded steps, neurons)`` mV of the first neurons, with the spikes drawn in, or empty.
    step, duration: ms.
    """

    times: tuple[np.ndarray, ...]
    voltage: np.ndarray
    step: float
    duration: float

    @property
    def rates(self) -> np.ndarray:
        """Spikes per second of each neuron."""
        return np.array([1000 * len(t) / self.duration for t in self.times])

    @property
    def intervals(self) -> np.ndarray:
        """All intervals between successive spikes of a neuron, ms."""
        return np.concatenate([np.diff(t) for t in self.times] or [np.zeros(0)])

    @property
    def variation(self) -> float:
        """Coefficient of variation of the intervals: 0 for a clock, 1 for Poisson; NaN below two intervals."""
        intervals = self.intervals
        return float(intervals.std() / intervals.mean()) if len(intervals) > 1 else float("nan")


def rate(drive: Any, noise: float = 0.0, membrane: Membrane | None = None) -> np.ndarray:
    """The mean firing rate in spikes per second, in closed form.

    Parameters
    ----------
    drive: mV, the stationary mean of the potential above rest if it had no threshold; a number or an array.
    noise: mV, its stationary standard deviation times sqrt(2).

    Without noise 1 / (refractory + tau log((drive + rest - reset) / (drive + rest - threshold))) above threshold.
    With noise Siegert's formula (Siegert 1951; Brunel and Hakim 1999).

    >>> float(rate(15.0))
    0.0
    """
    m = membrane or Membrane()
    drive = np.asarray(drive, float)
    mean = m.rest + drive
    if noise == 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            period = m.refractory + m.tau * np.log((mean - m.reset) / (mean - m.threshold))
        return np.where(mean > m.threshold, 1000 / np.where(mean > m.threshold, period, 1), 0.0)
    if not noise > 0:
        raise FormalError(f"noise {noise}", wanted="0 or more mV", way_out="Use 0 for none.")
    low, high = (m.reset - mean) / noise, (m.threshold - mean) / noise
    nodes, weights = np.polynomial.legendre.leggauss(200)
    u = low[..., None] + (high - low)[..., None] * (nodes + 1) / 2
    # exp(u^2) (1 + erf u) = erfcx(-u), which neither overflows nor cancels for u < 0.
    from scipy.special import erfcx

    integral = (erfcx(-u) * weights).sum(-1) * (high - low) / 2
    return 1000 / (m.refractory + m.tau * np.sqrt(np.pi) * integral)


def simulate_spikes(
    drive: Any,
    noise: float = 0.0,
    *,
    duration: float = 1000.0,
    step: float = 0.1,
    membrane: Membrane | None = None,
    record: int = 0,
    seed: int = 0,
) -> Spikes:
    """Simulate neurons with constant drive and white noise.

    The potential between spikes is an Ornstein-Uhlenbeck process, advanced exactly; within a step it crosses the
    threshold unseen with the probability of a Brownian bridge, without which the rate would be biased by the
    square root of the step.

    Parameters
    ----------
    drive: mV, one a neuron ``(neurons,)``.
    noise: mV, as in :func:`rate`.
    duration, step: ms.
    record: number of neurons whose potential is kept.

    Raises
    ------
    FormalError: a step that is not small against tau, or a duration that is not positive.
    """
    m = membrane or Membrane()
    drive = np.atleast_1d(np.asarray(drive, float))
    if not (0 < step <= m.tau / 10 and duration > 0 and noise >= 0):
        raise FormalError(
            f"step {step} ms, duration {duration} ms, noise {noise} mV",
            wanted="0 < step <= tau / 10, a positive duration, noise >= 0",
            way_out="Use step=0.1.",
        )
    generator = keys.generator(seed, "spikes")
    mean = m.rest + drive
    v, ready = np.full(len(drive), m.reset), np.zeros(len(drive))
    steps = round(duration / step)
    fired_at: list[np.ndarray] = []
    fired_who: list[np.ndarray] = []
    kept = np.empty((steps, record))
    for k in range(steps):
        end = (k + 1) * step
        awake = np.clip(end - ready, 0, step)  # a dead time may end within the step
        decay = np.exp(-awake / m.tau)
        new = mean + (v - mean) * decay
        if noise:
            new = new + noise * np.sqrt((1 - decay**2) / 2) * generator.standard_normal(len(v))
        spikes = (awake > 0) & (new >= m.threshold)
        if noise:
            gathered = noise**2 * awake / m.tau  # variance of the bridge over the step
            gap = np.maximum((m.threshold - v) * (m.threshold - new), 0)
            chance = np.exp(-2 * gap / np.where(gathered > 0, gathered, np.inf)) * (awake > 0)
            spikes |= generator.random(len(v)) < chance * (new < m.threshold)
            moment = end - awake / 2
        else:
            ratio = np.where(spikes, (mean - v) / np.where(spikes, mean - m.threshold, 1), 1)
            moment = end - awake + m.tau * np.log(np.maximum(ratio, 1))  # without noise the crossing is known
        if record:
            kept[k] = np.where(spikes[:record], m.threshold + 30, new[:record])
        if spikes.any():
            who = np.flatnonzero(spikes)
            fired_at.append(moment[who])
            fired_who.append(who)
            ready[who] = moment[who] + m.refractory
            new[who] = m.reset
        v = new
    times, who_all = np.concatenate(fired_at or [np.zeros(0)]), np.concatenate(fired_who or [np.zeros(0, int)])
    return Spikes(tuple(times[who_all == n] for n in range(len(drive))), kept, step, duration)
