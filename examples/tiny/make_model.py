"""Writes model.onnx, the smallest model that is worth sending a signal to, and its hash in scenario.json.

    main_output = sigmoid(1 * a + 2 * b + 3 * c - 3)      for main_input = [a, b, c]

So the rule `main_output > 0.5` holds exactly when a + 2b + 3c > 3. The weights differ, so that numbers in a
wrong order show. Nothing is trained: the same file comes out on every machine. Run by hand, with Python 3.11 or later:

    python3 -m venv venv
    venv/bin/pip install onnx==1.23.2 numpy==2.4.6
    venv/bin/python make_model.py
"""

import hashlib
import re
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "model.onnx"
SCENARIO_FILE = HERE / "scenario.json"

# Old enough for every runtime of the last years, and all that two plain operators need.
OPSET = 13
IR_VERSION = 8


def build_model() -> onnx.ModelProto:
    """`main_input` [batch, 3] float32 to `main_output` [batch, 1] float32."""
    graph = helper.make_graph(
        nodes=[
            helper.make_node("Gemm", ["main_input", "weights", "bias"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["main_output"]),
        ],
        name="tiny",
        inputs=[helper.make_tensor_value_info("main_input", TensorProto.FLOAT, ["batch", 3])],
        outputs=[helper.make_tensor_value_info("main_output", TensorProto.FLOAT, ["batch", 1])],
        initializer=[
            numpy_helper.from_array(np.array([[1], [2], [3]], dtype=np.float32), "weights"),
            numpy_helper.from_array(np.array([-3], dtype=np.float32), "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def main() -> None:
    model = build_model()
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, MODEL_FILE)
    digest = hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()
    scenario = re.sub(r'("model_sha256": )"[^"]*"', rf'\1"{digest}"', SCENARIO_FILE.read_text())
    SCENARIO_FILE.write_text(scenario)
    print(f"model.onnx: {MODEL_FILE.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
