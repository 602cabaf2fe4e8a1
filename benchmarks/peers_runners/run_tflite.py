"""fer and facex: a TensorFlow Lite network on faces, run by benchmarks/peers.py.

usage: python run_tflite.py NAME FACES ANSWERS NETWORK
"""

import json
import sys
import time

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from skimage.transform import resize


def fer(face):
    """64x64 in whole grey levels, -1 to 1."""
    return cv2.resize(face, (64, 64))[None, :, :, None] / np.float32(127.5) - 1


def facex(face):
    """200x200 in three equal channels, 0 to 1."""
    return resize(face, (200, 200, 3))[None].astype(np.float32)


def main(name, faces, answers, network):
    images = np.fromfile(faces, np.uint8).reshape(-1, 48, 48)
    interpreter = Interpreter(network, num_threads=1)
    interpreter.allocate_tensors()
    first, last = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    prepare, found = {"fer": fer, "facex": facex}[name], []
    start = time.process_time()
    for face in images:
        interpreter.set_tensor(first["index"], prepare(face).astype(np.float32))
        interpreter.invoke()
        found.append(interpreter.get_tensor(last["index"])[0].copy())
    seconds = time.process_time() - start
    np.stack(found).astype("<f4").tofile(answers)
    print(json.dumps({"seconds": seconds}))


main(*sys.argv[1:])
