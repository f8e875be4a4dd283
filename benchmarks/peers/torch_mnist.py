"""MNIST in PyTorch, to a wanted test accuracy: the network and recipe of PyTorch's own MNIST example, written anew.

Convolutions of 32 and 64 maps (3 x 3), max pooling, dropout 0.25, dense 128, dropout 0.5; batches of 64, Adadelta at
rate 1.0 falling by 0.7 an epoch; normalised inputs; tested after each epoch on 1,000 at a time.

    python torch_mnist.py TARGET
"""

import gzip
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn


def read(name: str, offset: int) -> np.ndarray:
    path = Path(os.environ["SNARC_DATA"]) / "mnist" / f"{name}.gz"
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)


class Pixels(torch.utils.data.Dataset):
    """One image at a time, converted and normalised, as the example's transforms do."""

    def __init__(self, part: str) -> None:
        self.x = read(f"{part}-images-idx3-ubyte", 16).reshape(-1, 28, 28)
        self.y = read(f"{part}-labels-idx1-ubyte", 8)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.x[index].copy()).unsqueeze(0).float().div(255)
        return (image - 0.1307) / 0.3081, int(self.y[index])


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x)).log_softmax(dim=1)


def main(target: float) -> None:
    torch.manual_seed(1)
    train = torch.utils.data.DataLoader(Pixels("train"), batch_size=64, shuffle=True)
    test = torch.utils.data.DataLoader(Pixels("t10k"), batch_size=1000)
    net = Net()
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, 15):
        net.train()
        for x, y in train:
            optimizer.zero_grad()
            nn.functional.nll_loss(net(x), y).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            correct = sum(int((net(x).argmax(1) == y).sum()) for x, y in test)
        print(f"epoch {epoch}: test accuracy {correct / 10_000:.4f}", flush=True)
        if correct / 10_000 >= target:
            return
        schedule.step()
    sys.exit(1)


main(float(sys.argv[1]))
