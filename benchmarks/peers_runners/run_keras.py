"""facemood: a Keras network on faces, run by benchmarks/peers.py.

usage: python run_keras.py NAME FACES ANSWERS NETWORK
"""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np
from keras.models import load_model
from PIL import Image


def facemood(face):
    """170x170 in three equal channels, 0 to 1; Pillow's own way to resize."""
    return np.asarray(Image.fromarray(face).convert("RGB").resize((170, 170)), np.float32) / 255


def main(name, faces, answers, network):
    images = np.fromfile(faces, np.uint8).reshape(-1, 48, 48)
    model = load_model(network, compile=False, safe_mode=True)
    prepare, found = {"facemood": facemood}[name], []
    start = time.process_time()
    for k in range(0, len(images), 32):
        x = np.stack([prepare(face) for face in images[k : k + 32]])
        full = np.concatenate([x, np.zeros((32 - len(x), *x.shape[1:]), np.float32)])
        found.append(np.asarray(model.predict_on_batch(full))[: len(x)])
    seconds = time.process_time() - start
    np.concatenate(found).astype("<f4").tofile(answers)
    print(json.dumps({"seconds": seconds}))


main(*sys.argv[1:])
