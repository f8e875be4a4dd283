"""The picture at the top of the README: `make pictures` (needs MNIST; a minute on two cores)."""

from __future__ import annotations

from pathlib import Path

import snarc
from snarc import draw

HERE = Path(__file__).parent


def overview(path: Path) -> None:
    """Train, see, doubt: learning curves, the surest mistakes, and what refusing buys, of five LeNets on MNIST."""
    run = snarc.fit("lenet5", "mnist", epochs=5, replicas=5, out=False)
    figure, (left, middle, right) = draw.new(1, 3, width=12.5, height=3.9, width_ratios=(1.05, 0.95, 1))
    error = 100 * run.test.error
    figure.suptitle(
        f"LeNet-5 on MNIST: {error.mean:.2f} ± {error.standard_error:.2f} % error on the test set, five replicas",
        x=0.008, ha="left", fontsize=13, fontweight="bold",
    )  # fmt: skip

    snarc.see.learning(run).plot(quantity="loss", ax=left)
    left.set_title("Train")

    _surest_mistakes(middle, snarc.trust.mistakes(run))
    middle.set_title("See: the surest mistakes")

    refused = snarc.trust.rejection(run)
    share, risk = refused.arrays["refused"], refused.arrays["risk"]
    for k, curve in enumerate(risk):
        right.plot(
            100 * share,
            100 * curve,
            color=draw.PALETTE[0],
            alpha=0.55,
            linewidth=1.2,
            label="a replica" if k == 0 else None,
        )
    right.set(xlim=(0, 5), ylim=(0, None), xlabel="images refused (%)", ylabel="error on the rest (%)")
    right.set_title("Trust: what refusing buys")
    right.legend()
    draw.save(figure, str(path))


def _surest_mistakes(ax, reading) -> None:
    draw.bare(ax)
    rows, columns = 3, 4
    for k, image in enumerate(reading.arrays["examples"][: rows * columns]):
        y, x = divmod(k, columns)
        cell = ax.inset_axes((x / columns + 0.01, 1 - (y + 0.80) / rows, 0.92 / columns, 0.78 / rows))
        cell.imshow(image[..., 0], cmap="gray_r")
        draw.bare(cell)
        label, named = reading.arrays["label"][k], reading.arrays["predicted"][k]
        cell.set_xlabel(f"{label} read as {named}", fontsize=8, labelpad=1)


if __name__ == "__main__":
    overview(HERE / "overview.png")
