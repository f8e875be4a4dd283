"""The surest mistakes of a network, as the lectures show them: 8 (3!) is a 3 that was read as an 8."""

import numpy as np

from snarc import draw


def gallery(run, rows, columns, height):
    """Test digits that the first network misreads, the surest first."""
    split, outputs = run.dataset.test, run.test.logits[0].astype(np.float64)
    answer = outputs.argmax(axis=1)
    sure = outputs.max(axis=1) - np.logaddexp.reduce(outputs, axis=1)
    wrong = np.flatnonzero(answer != split.targets)
    picked = wrong[np.argsort(-sure[wrong], kind="stable")][: rows * columns]
    figure, panels = draw.new(rows, columns, width=8.4, height=height)
    for ax in panels.flat:
        draw.bare(ax)
    for ax, k in zip(panels.flat, picked):
        ax.imshow(split.inputs[k, :, :, 0], cmap="gray_r", vmin=0, vmax=255)
        ax.set_title(f"{answer[k]} ({split.targets[k]}!)", loc="center", fontsize=10, fontweight="normal")
    return figure
