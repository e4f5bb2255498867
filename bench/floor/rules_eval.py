"""What the original did with a rule, timed: reads a line of JSON {rule, size, seconds}, answers evaluations per second."""

import json
import logging
import sys
import time

import numpy as np


class Prediction:
    def __init__(self, data, class_label=None, probability=None):
        self.data, self.class_label, self.probability = data, class_label, probability


class Predictions(dict):
    def __iter__(self):
        return iter(self.values())


def predictions(size):
    data = ((np.arange(size) * 7919 % 10007) / 10007).astype(np.float32).reshape(1, size)
    return Predictions({
        "x": Prediction(data, "person", 0.7),
        "probability": Prediction([{0: 0.1, 1: 0.9}]),
        "label": Prediction(np.array([1])),
    })


log = logging.getLogger("rules")
for line in sys.stdin:
    ask = json.loads(line)
    rule, preds = ask["rule"], predictions(ask["size"])
    done, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < ask["seconds"]:
        for _ in range(10):
            bool(eval(rule, {"np": np, "log": log}, {"prediction": preds}))
        done += 10
    print(json.dumps({"truthy": bool(eval(rule, {"np": np, "log": log}, {"prediction": preds})), "rate": done / spent}), flush=True)
