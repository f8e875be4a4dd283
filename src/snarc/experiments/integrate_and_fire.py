"""A leaky neuron that integrates its current and fires: rate and irregularity against the closed form."""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, experiment

CURRENTS = np.linspace(16, 60, 20)
NOISES = (0.0, 1.0, 2.0, 4.0, 8.0)


@experiment(
    "integrate-and-fire",
    rows=("F1",),
    question="How often does a leaky neuron fire, and how regular are its spikes?",
    source="F. Gabbiani, W. Metzner, J. Exp. Biol. 202 (1999) 1267; A. Siegert, Phys. Rev. 81 (1951) 617",
    seconds=(4, 15, 60),
)
def integrate_and_fire(budget):
    """Twenty mean currents (given in mV of drive), white noise of 5 mV, against Siegert's formula."""
    neurons, duration = budget(20, 100, 400), budget(1000.0, 5000.0, 5000.0)
    spikes = formal.simulate_spikes(np.repeat(CURRENTS, neurons), 5.0, duration=duration)
    measured, exact = spikes.rates.reshape(20, neurons).mean(1), formal.rate(CURRENTS, 5.0)
    yield Claim(
        "largest deviation of the firing rate from the closed form, over 20 currents",
        measured=float(100 * np.abs(measured / exact - 1).max()),
        at_most=2.0,
        unit="%",
    )
    clocks = [
        formal.simulate_spikes(np.full(budget(10, 40, 100), 21.0), s, duration=budget(500.0, 4000.0, 8000.0))
        for s in NOISES
    ]
    variation = [c.variation for c in clocks]
    yield Claim("variation of the intervals without noise", measured=variation[0], at_most=1e-6)
    yield Claim("variation of the intervals with 8 mV of noise", measured=variation[-1], at_least=0.5)
    yield Figure(
        picture(measured, exact, clocks),
        "Above: the potential of one neuron at 2 mV of noise, its spikes drawn in, and the spikes of 25 others. "
        "Below: firing rates of the simulation on the closed form, and the intervals between spikes, which noise makes "
        "as irregular as those of the brain.",
        name="spikes",
    )


def picture(measured, exact, clocks):
    one = formal.simulate_spikes(np.full(25, 22.0), 2.0, duration=400.0, record=1)
    figure, axes = draw.new(2, 2, width=10, height=6.4)
    with draw.style():
        axes[0, 0].plot(np.arange(len(one.voltage)) * one.step, one.voltage[:, 0], linewidth=1.0)
        axes[0, 0].set(xlabel="time (ms)", ylabel="potential (mV)", title="one neuron")
        axes[0, 1].eventplot(one.times, color=draw.PALETTE[0], linewidths=1.2, linelengths=0.8)
        axes[0, 1].set(xlabel="time (ms)", ylabel="neuron", title="the same current, other noise")
        axes[1, 0].plot(CURRENTS, exact, color=draw.PALETTE[1], label="Siegert's formula")
        axes[1, 0].plot(CURRENTS, measured, "o", color=draw.PALETTE[0], label="simulated")
        axes[1, 0].set(xlabel="drive (mV)", ylabel="spikes per second", title="firing rate at 5 mV of noise")
        axes[1, 0].legend()
        for spikes, noise, colour in zip(clocks, NOISES, draw.PALETTE):
            if noise:
                label = f"{noise:g} mV, variation {spikes.variation:.2f}"
                axes[1, 1].hist(
                    spikes.intervals, np.linspace(0, 120, 61), histtype="step", density=True, color=colour, label=label
                )
        axes[1, 1].set(
            xlabel="interval between spikes (ms)", ylabel="density (1/ms)", title="irregularity grows with noise"
        )
        axes[1, 1].legend()
    return figure
