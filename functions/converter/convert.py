"""Makes an ONNX model of a TensorFlow frozen graph, and holds it against TensorFlow.

    python convert.py [--input NAME[:SHAPE]]... [--output NAME]... SOURCE.pb[.gz] TARGET.onnx

Prints one JSON object: what the model takes and gives, or {"error": ...} with exit status 2 for a graph that is at fault.
Without names, the inputs are the graph's placeholders and the outputs are the nodes that nothing else uses.
"""

import argparse
import contextlib
import gzip
import json
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

GRAPH_AT_FAULT = 2
# The newest operator set that tf2onnx 1.17 writes and that ONNX Runtime has had for years.
OPSET = 17
# How far ONNX Runtime may be off: kernels add in another order.
TOLERANCE = 1e-3
VARIABLES = {"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "VarIsInitializedOp", "AutoReloadVariable"}


class GraphError(Exception):
    """What is wrong with a graph or with what was asked of it."""


def main() -> int:
    arguments = read_arguments()
    try:
        with stdout_for_nobody():
            facts = convert(arguments.source, arguments.target, arguments.input, arguments.output)
    except GraphError as error:
        print(json.dumps({"error": str(error)}))
        return GRAPH_AT_FAULT
    print(json.dumps(facts))
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--input", action="append", default=[], help="an input's name, with its shape where the graph has none: x[?,3]"
    )
    parser.add_argument("--output", action="append", default=[], help="an output's name")
    parser.add_argument("source", type=Path, help="the frozen graph, .pb or .pb.gz")
    parser.add_argument("target", type=Path, help="the ONNX file")
    return parser.parse_args()


@contextlib.contextmanager
def stdout_for_nobody():
    """Libraries print what they please; standard output is the answer's alone, native code included."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def convert(source: Path, target: Path, inputs: list[str], outputs: list[str]) -> dict:
    """Converts a file. The model's inputs and outputs have the very names that were asked for."""
    graph_def = read_graph(source)
    shapes = dict(split_shape(text) for text in inputs)
    wanted_inputs = tensors_of(graph_def, list(shapes), "input") or placeholders(graph_def)
    wanted_outputs = tensors_of(graph_def, outputs, "output") or last_nodes(graph_def)
    give_shapes(graph_def, wanted_inputs, shapes)
    model = to_onnx(graph_def, wanted_inputs, wanted_outputs)
    forget_made_up_names(model)
    check(model)
    bytes_ = model.SerializeToString()
    comparison = compare(graph_def, bytes_, wanted_inputs, wanted_outputs)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(bytes_)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return {
        "inputs": describe(model.graph.input),
        "outputs": describe(model.graph.output),
        "bytes": len(bytes_),
        **comparison,
    }


def read_graph(source: Path):
    try:
        data = source.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise GraphError(f"Cannot read graph {source.name}: {error}") from error
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework import graph_pb2

    graph_def = graph_pb2.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError as error:
        raise GraphError(
            f"Cannot read graph {source.name}: it must be a TensorFlow frozen graph (.pb), got {kind_of(data)}"
        ) from error
    if not any(node.op for node in graph_def.node):
        raise GraphError(
            f"Cannot read graph {source.name}: it must be a TensorFlow frozen graph (.pb), got {kind_of(data)}"
        )
    variables = [node.name for node in graph_def.node if node.op in VARIABLES]
    if variables:
        shown = ", ".join(variables[:3])
        raise GraphError(
            f"Cannot convert graph {source.name}: it must be frozen, its variables made constants, got {len(variables)} variables ({shown}, ...)"
        )
    return graph_def


def kind_of(data: bytes) -> str:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    if not data:
        return "an empty file"
    try:
        saved = saved_model_pb2.SavedModel()
        saved.ParseFromString(data)
        if saved.meta_graphs:
            return "a SavedModel: convert its folder with python -m tf2onnx.convert --saved-model"
    except DecodeError:
        return "another kind of file, or one that is cut short"
    return "another kind of file"


def split_shape(text: str) -> tuple[str, list[int] | None]:
    """NAME[2,?,3] as the name and [2, -1, 3]; a bare name has no shape."""
    found = re.fullmatch(r"(.+?)(?:\[([\d?,\s-]*)\])?", text)
    name, shape = found.group(1), found.group(2)
    if shape is None:
        return name, None
    sizes = [size.strip() for size in shape.split(",") if size.strip()]
    return name, [int(size) if size.isdigit() else -1 for size in sizes]


def tensors_of(graph_def, names: list[str], kind: str) -> dict[str, str]:
    """The graph's tensor for each name: a node's name means its first output."""
    nodes = {node.name for node in graph_def.node}
    found = {}
    for name in names:
        node, _, place = name.rpartition(":")
        tensor = name if node and place.isdigit() else f"{name}:0"
        if tensor.rpartition(":")[0] not in nodes:
            raise GraphError(
                f"Cannot convert graph: {kind} {name!r} must be a node of it; its placeholders are "
                f"{listed(placeholders(graph_def))}, its last nodes {listed(last_nodes(graph_def))}"
            )
        if tensor in found.values():
            raise GraphError(f"Cannot convert graph: {kind} {name!r} must be named once, got {tensor} twice")
        found[name] = tensor
    return found


def listed(names: dict[str, str]) -> str:
    return ", ".join(repr(name) for name in list(names)[:8]) or "none"


def placeholders(graph_def) -> dict[str, str]:
    return {
        node.name: f"{node.name}:0" for node in graph_def.node if node.op in ("Placeholder", "PlaceholderWithDefault")
    }


def last_nodes(graph_def) -> dict[str, str]:
    used = {name.lstrip("^").split(":")[0] for node in graph_def.node for name in node.input}
    silent = {"NoOp", "Const", "Assert", "Placeholder"}
    return {node.name: f"{node.name}:0" for node in graph_def.node if node.name not in used and node.op not in silent}


def give_shapes(graph_def, tensors: dict[str, str], shapes: dict) -> None:
    """Given shapes count only where the graph itself does not know how many dimensions there are."""
    nodes = {node.name: node for node in graph_def.node}
    for name, tensor in tensors.items():
        given = shapes.get(name)
        node = nodes[tensor.rpartition(":")[0]]
        if given is None or not node.attr["shape"].shape.unknown_rank:
            continue
        node.attr["shape"].shape.unknown_rank = False
        for size in given:
            node.attr["shape"].shape.dim.add(size=size)
        node.attr.pop("_output_shapes", None)


def to_onnx(graph_def, inputs: dict[str, str], outputs: dict[str, str]):
    if not inputs:
        raise GraphError("Cannot convert graph: it must have an input, got no placeholder")
    if not outputs:
        raise GraphError("Cannot convert graph: it must have an output, got none")
    import logging

    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    tf.get_logger().setLevel("ERROR")
    try:
        model, _ = tf2onnx.convert.from_graph_def(
            graph_def,
            name="graph",
            input_names=list(inputs.values()),
            output_names=list(outputs.values()),
            opset=OPSET,
            tensors_to_rename={tensor: name for name, tensor in [*inputs.items(), *outputs.items()]},
        )
    except Exception as error:  # TensorFlow and tf2onnx raise dozens of kinds for one reason.
        raise GraphError(f"Cannot convert graph: tf2onnx refuses it: {first_line(error)}") from error
    return model


def forget_made_up_names(model) -> None:
    """tf2onnx names every dimension of unknown size (unk__7), as if one were the same as another."""
    for value in [*model.graph.input, *model.graph.output]:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param.startswith("unk__"):
                dimension.ClearField("dim_param")


def check(model) -> None:
    import onnx

    # tf2onnx leaves what it does not know as it was.
    known = {"", "ai.onnx.ml"}
    schemas = {schema.name for schema in onnx.defs.get_all_schemas()}
    strange = sorted(
        {node.op_type for node in model.graph.node if node.domain not in known or node.op_type not in schemas}
    )
    if strange:
        raise GraphError(
            f"Cannot convert graph: every operator must have a counterpart in ONNX, got {', '.join(strange)}"
        )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise GraphError(
            f"Cannot convert graph: what tf2onnx made of it is no valid model: {first_line(error)}"
        ) from error


def compare(graph_def, model: bytes, inputs: dict[str, str], outputs: dict[str, str]) -> dict:
    """Runs the graph and the model on the same made-up input."""
    import numpy as np
    import onnxruntime
    import tensorflow as tf

    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise GraphError(f"Cannot convert graph: ONNX Runtime refuses the model: {first_line(error)}") from error
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        # Input that the graph itself does not take says nothing of the model: other sizes are tried, and then it is told.
        for size in (1, 16, 224):
            feeds = {name: made_up(graph.get_tensor_by_name(tensor), size) for name, tensor in inputs.items()}
            try:
                with tf.compat.v1.Session(graph=graph) as run:
                    wanted = run.run(list(outputs.values()), {inputs[name]: value for name, value in feeds.items()})
                break
            except (tf.errors.OpError, ValueError) as error:
                reason = first_line(error)
        else:
            return {"compared": False, "reason": f"TensorFlow does not take made-up input: {reason}"}
    try:
        got = session.run(list(outputs), feeds)
    except Exception as error:
        raise GraphError(
            f"Cannot convert graph: the model fails where TensorFlow does not: {first_line(error)}"
        ) from error
    worst = 0.0
    for name, expected, actual in zip(outputs, wanted, got):
        expected, actual = np.asarray(expected), np.asarray(actual)
        if expected.shape != actual.shape:
            raise GraphError(
                f"Cannot convert graph: output {name!r} must have shape {list(expected.shape)}, got {list(actual.shape)}"
            )
        if expected.dtype.kind not in "fiub":
            expected_text = [
                item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in expected.ravel()
            ]
            if expected_text != [str(item) for item in actual.ravel()]:
                raise GraphError(f"Cannot convert graph: output {name!r} must be what TensorFlow gives")
            continue
        if not np.allclose(
            actual.astype(np.float64), expected.astype(np.float64), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
        ):
            raise GraphError(f"Cannot convert graph: output {name!r} must be what TensorFlow gives, to {TOLERANCE}")
        difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        worst = max(worst, float(np.nanmax(difference, initial=0.0)) if np.isfinite(difference).any() else 0.0)
    return {"compared": True, "difference": worst}


def made_up(tensor, size: int):
    """Fractions, or zeros where whole numbers may stand for places in a table; two rows where their number is free."""
    import numpy as np

    rank = tensor.shape.rank
    sizes = (
        [size]
        if rank is None
        else [s if s is not None else (2 if i == 0 else size) for i, s in enumerate(tensor.shape.as_list())]
    )
    dtype = tensor.dtype.as_numpy_dtype
    if tensor.dtype.is_floating:
        return np.random.default_rng(0).random(sizes).astype(dtype)
    if tensor.dtype.is_integer or tensor.dtype.is_bool:
        return np.zeros(sizes, dtype)
    return np.full(sizes, "", object)


def describe(values) -> list[dict]:
    import onnx

    def size(dimension):
        return dimension.dim_value if dimension.HasField("dim_value") else None

    return [
        {
            "name": value.name,
            "dtype": np_name(onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)),
            "shape": [size(d) for d in value.type.tensor_type.shape.dim]
            if value.type.tensor_type.HasField("shape")
            else None,
        }
        for value in values
    ]


def np_name(onnx_name: str) -> str:
    return {"FLOAT": "float32", "DOUBLE": "float64"}.get(onnx_name, onnx_name.lower())


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    sys.exit(main())
