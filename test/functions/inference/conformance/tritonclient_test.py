"""Runs NVIDIA's own client against the inference function. By hand, with Python 3.11 or later:

    python3 -m venv venv && venv/bin/pip install -r test/python/requirements.txt
    venv/bin/python tritonclient_test.py [URL [KEY]]

The URL is the function's own or the gateway's with the function's path. Without one it starts serve.ts beside it, with
`node` of the clone. `npm test` runs it through the gateway.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[3]


def inputs_of(values, binary):
    result = []
    for name, (kind, array) in values.items():
        tensor = http.InferInput(name, list(array.shape), kind)
        tensor.set_data_from_numpy(array, binary_data=binary)
        result.append(tensor)
    return result


class Fresh:
    """The client writes into the headers that it is given: each call gets its own."""

    def __init__(self, client, headers):
        self.client, self.headers = client, headers

    def __getattr__(self, name):
        return lambda *args, **kwargs: getattr(self.client, name)(*args, headers=dict(self.headers), **kwargs)


def check(client):
    assert client.is_server_live() and client.is_server_ready()
    server = client.get_server_metadata()
    assert server["name"] == "thebox" and "binary_tensor_data" in server["extensions"], server
    assert client.is_model_ready("linear")
    assert client.is_model_ready("linear", "1")
    assert not client.is_model_ready("nobody")
    metadata = client.get_model_metadata("linear")
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}], metadata
    config = client.get_model_config("linear")
    assert config["max_batch_size"] == 256 and config["input"][0]["data_type"] == "TYPE_FP32", config
    assert any(m["name"] == "linear" and m["state"] == "READY" for m in client.get_model_repository_index())

    x = np.array([[1, 1, 1], [0, 0, 1]], np.float32)
    expected = 1 / (1 + np.exp(-(x @ np.array([[1], [2], [3]]) - 3)))
    for binary_in in (True, False):
        for binary_out in (True, False, None):
            outputs = None if binary_out is None else [http.InferRequestedOutput("y", binary_data=binary_out)]
            answer = client.infer("linear", inputs_of({"x": ("FP32", x)}, binary_in), outputs=outputs, request_id="r1")
            assert np.allclose(answer.as_numpy("y"), expected, atol=1e-6)
            assert answer.get_response()["id"] == "r1"
    for algorithm in ("gzip", "deflate"):
        answer = client.infer("linear", inputs_of({"x": ("FP32", x)}, True),
                              request_compression_algorithm=algorithm, response_compression_algorithm=algorithm)
        assert np.allclose(answer.as_numpy("y"), expected, atol=1e-6)
    pending = [client.async_infer("linear", inputs_of({"x": ("FP32", x)}, True)) for _ in range(20)]
    assert all(np.allclose(p.get_result().as_numpy("y"), expected, atol=1e-6) for p in pending)

    kinds = {
        "bool": ("BOOL", np.bool_, [True, False]), "uint8": ("UINT8", np.uint8, [0, 255]),
        "uint16": ("UINT16", np.uint16, [0, 65535]), "uint32": ("UINT32", np.uint32, [0, 2**32 - 1]),
        "uint64": ("UINT64", np.uint64, [1, 2**64 - 1]), "int8": ("INT8", np.int8, [-128, 127]),
        "int16": ("INT16", np.int16, [-32768, 32767]), "int32": ("INT32", np.int32, [-(2**31), 2**31 - 1]),
        "int64": ("INT64", np.int64, [-(2**63), 2**63 - 1]), "float16": ("FP16", np.float16, [1.5, -2]),
        "float32": ("FP32", np.float32, [0.1, 1e30]), "float64": ("FP64", np.float64, [0.1, 1e300]),
        "string": ("BYTES", np.object_, ["", "naïve ✓"]),
    }
    for binary in (True, False):
        values = {f"in_{n}": (kind, np.array(v, dtype=t)) for n, (kind, t, v) in kinds.items()}
        ins = []
        for name, (kind, array) in values.items():
            tensor = http.InferInput(name, list(array.shape), kind)
            # The client itself refuses FP16 as JSON.
            tensor.set_data_from_numpy(array, binary_data=binary or kind == "FP16")
            ins.append(tensor)
        outs = [http.InferRequestedOutput(f"out_{n}", binary_data=binary or n == "float16") for n in kinds]
        answer = client.infer("every-type", ins, outputs=outs)
        for n, (kind, t, v) in kinds.items():
            got = answer.as_numpy(f"out_{n}")
            want = np.array(v, dtype=t)
            if n == "string":
                got = np.array([g.decode() if isinstance(g, bytes) else g for g in got], dtype=object)
            assert (got == want).all(), (n, binary, got, want)

    pixels = np.zeros((2, 1, 2, 2), np.float32)
    pixels[0, 0, 0, 1] = 3
    pixels[1, 0, 1, 0] = 2
    for binary in (True, False):
        out = [http.InferRequestedOutput("serving/probabilities:0", binary_data=binary, class_count=2)]
        answer = client.infer("softmax", inputs_of({"serving/pixels:0": ("FP32", pixels)}, True), outputs=out)
        classes = answer.as_numpy("serving/probabilities:0")
        assert classes.shape == (2, 2), classes
        first = classes[0, 0].decode() if isinstance(classes[0, 0], bytes) else classes[0, 0]
        assert first.split(":")[1:] == ["1", "dog"], classes
    iris = np.array([[5, 3, 1, 0.2]], np.float32)
    answer = client.infer("iris-numbers", inputs_of({"float_input": ("FP32", iris)}, True))
    assert answer.as_numpy("output_label").tolist() == [0] and answer.as_numpy("output_probability").shape == (1, 3)

    def refused(status, text, call):
        try:
            call()
        except InferenceServerException as error:
            assert error.status() == str(status) and text in error.message(), (error.status(), error.message())
        else:
            raise AssertionError(f"not refused: {text}")

    refused(404, "nobody", lambda: client.infer("nobody", inputs_of({"x": ("FP32", x)}, True)))
    refused(400, "datatype FP32", lambda: client.infer("linear", inputs_of({"x": ("INT32", x.astype(np.int32))}, True)))
    refused(400, "takes shape", lambda: client.infer("linear", inputs_of({"x": ("FP32", x[:, :2].copy())}, True)))
    refused(400, "inputs are", lambda: client.infer("linear", inputs_of({"z": ("FP32", x)}, True)))

    client.unload_model("linear")
    assert not client.is_model_ready("linear")
    refused(503, "unloaded", lambda: client.infer("linear", inputs_of({"x": ("FP32", x)}, True)))
    client.load_model("linear")
    assert client.is_model_ready("linear")
    config = client.get_model_config("linear")
    config["max_batch_size"] = 8
    client.load_model("linear", config=json.dumps(config))
    assert client.get_model_config("linear")["max_batch_size"] == 8
    assert np.allclose(client.infer("linear", inputs_of({"x": ("FP32", x)}, True)).as_numpy("y"), expected, atol=1e-6)
    client.load_model("linear")
    assert client.get_model_config("linear")["max_batch_size"] == 256
    files = {"file:3/model.onnx": (HERE.parent / "models" / "linear.onnx").read_bytes()}
    client.load_model("sent", config="{}", files=files)
    assert client.get_model_metadata("sent")["versions"] == ["3"]
    answer = client.infer("sent", inputs_of({"x": ("FP32", x)}, True), model_version="3")
    assert np.allclose(answer.as_numpy("y"), expected, atol=1e-6) and answer.get_response()["model_version"] == "3"
    client.unload_model("sent", unload_dependents=True)
    assert not client.is_model_ready("sent")
    refused(400, "instance_group", lambda: client.load_model("linear", config='{"instance_group": [{"kind": "KIND_GPU"}]}'))
    refused(404, "nobody", lambda: client.load_model("nobody"))
    assert client.is_model_ready("linear")

    stats = client.get_inference_statistics("linear", "1")["model_stats"][0]
    assert stats["inference_stats"]["success"]["count"] >= 20 and stats["inference_count"] >= 40, stats
    assert stats["inference_stats"]["fail"]["count"] >= 2
    assert len(client.get_inference_statistics()["model_stats"]) >= 3


def main():
    server = None
    if len(sys.argv) > 1:
        url = sys.argv[1]
    else:
        server = subprocess.Popen(["npx", "node", str(HERE / "serve.ts")], cwd=ROOT, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        url = server.stdout.readline().strip()
    key = sys.argv[2] if len(sys.argv) > 2 else "key-of-the-test"
    client = http.InferenceServerClient(url.removeprefix("http://"), concurrency=8)
    try:
        check(Fresh(client, {"Authorization": f"Bearer {key}"}))
        print("tritonclient: all calls work")
    finally:
        client.close()
        if server:
            server.stdin.close()
            server.wait(20)


if __name__ == "__main__":
    main()
