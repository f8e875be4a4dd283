"""MNIST in Keras, to a wanted test accuracy: the network and recipe of Keras's own simple MNIST example, written anew.

Convolutions of 32 and 64 maps (3 x 3), each with max pooling, dropout 0.5, softmax; batches of 128, Adam, a tenth of
the training data held out; tested after each epoch.

    KERAS_BACKEND=jax python keras_mnist.py TARGET
"""

import gzip
import os
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers


def read(name: str, offset: int) -> np.ndarray:
    path = Path(os.environ["SNARC_DATA"]) / "mnist" / f"{name}.gz"
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)


def part(name: str) -> tuple[np.ndarray, np.ndarray]:
    x = read(f"{name}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1).astype("float32") / 255
    return x, keras.utils.to_categorical(read(f"{name}-labels-idx1-ubyte", 8), 10)


def main(target: float) -> None:
    keras.utils.set_random_seed(1)
    x, y = part("train")
    x_test, y_test = part("t10k")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    for epoch in range(1, 31):
        model.fit(x, y, batch_size=128, epochs=1, validation_split=0.1, verbose=0)
        accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
        print(f"epoch {epoch}: test accuracy {accuracy:.4f}", flush=True)
        if accuracy >= target:
            return
    sys.exit(1)


main(float(sys.argv[1]))
