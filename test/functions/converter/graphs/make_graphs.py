"""Writes the small frozen graphs that the tests of the converter convert, with what TensorFlow makes of some inputs.
Run by hand, with Python 3.11 to 3.13:

    python3 -m venv venv
    venv/bin/pip install -r functions/converter/requirements.txt
    venv/bin/python test/functions/converter/graphs/make_graphs.py
"""

import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

HERE = Path(__file__).resolve().parent
tf1 = tf.compat.v1
expected = {}


def save(name, build, feeds, outputs):
    """Builds a graph without variables, keeps it, and keeps what it gives."""
    rng = np.random.default_rng(7)
    with tf.Graph().as_default() as graph:
        build(lambda *shape: tf.constant(rng.normal(size=shape).astype(np.float32)))
        with tf1.Session(graph=graph) as session:
            values = session.run(outputs, feeds)
        # Without the version of the library that made it, so that a later one makes the same file.
        definition = graph.as_graph_def()
    (HERE / f"{name}.pb").write_bytes(definition.SerializeToString(deterministic=True))
    expected[name] = {
        "inputs": {key: np.asarray(value).tolist() for key, value in feeds.items()},
        "outputs": {key: np.asarray(value).tolist() for key, value in zip(outputs, values)},
    }


def dense(weights):
    """A classifier as the original's were: four numbers to three probabilities."""
    x = tf1.placeholder(tf.float32, [None, 4], name="dense_input")
    hidden = tf.nn.relu(tf.matmul(x, weights(4, 8)) + weights(8))
    tf.nn.softmax(tf.matmul(hidden, weights(8, 3)) + weights(3), name="dense_1/Softmax")


def image(weights):
    """A convolution in TensorFlow's own order of dimensions, channels last, and two outputs."""
    x = tf1.placeholder(tf.float32, [None, 8, 8, 1], name="image")
    features = tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 1, 4), strides=1, padding="SAME"))
    pooled = tf.nn.max_pool2d(features, 2, 2, "VALID")
    scores = tf.matmul(tf.reshape(pooled, [-1, 64]), weights(64, 5), name="scores")
    tf.argmax(scores, axis=1, name="class")


def words(weights):
    """Whole numbers that stand for places in a table, and a sequence of any length."""
    ids = tf1.placeholder(tf.int64, [None, None], name="ids")
    tf.reduce_mean(tf.gather(weights(20, 4), ids), axis=1, name="mean")


def anyrank(weights):
    """A placeholder that does not say how many dimensions it has."""
    x = tf1.placeholder(tf.float32, None, name="x")
    tf.matmul(tf.reshape(x, [-1, 3]), weights(3, 2), name="y")


rng = np.random.default_rng(1)
save("dense", dense, {"dense_input:0": rng.random((2, 4)).astype(np.float32)}, ["dense_1/Softmax:0"])
save("image", image, {"image:0": rng.random((1, 8, 8, 1)).astype(np.float32)}, ["scores:0", "class:0"])
save("words", words, {"ids:0": np.array([[1, 2, 19]])}, ["mean:0"])
save("any-rank", anyrank, {"x:0": rng.random((2, 3)).astype(np.float32)}, ["y:0"])
(HERE / "expected.json").write_text(json.dumps(expected) + "\n")

# A graph whose weights are variables still: not frozen.
with tf.Graph().as_default() as graph:
    tf1.disable_resource_variables()
    x = tf1.placeholder(tf.float32, [None, 2], name="x")
    tf.matmul(x, tf1.get_variable("weights", [2, 2]), name="y")
    (HERE / "not-frozen.pb").write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))

# An operator that ONNX has no counterpart for.
with tf.Graph().as_default() as graph:
    x = tf1.placeholder(tf.float32, [2, 2], name="x")
    tf.linalg.svd(x, compute_uv=False, name="y")
    (HERE / "no-counterpart.pb").write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))
