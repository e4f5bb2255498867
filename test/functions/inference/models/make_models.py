"""Writes the small models that the tests of the inference function run. Run by hand, with Python 3.11 or later:

    python3 -m venv venv
    venv/bin/pip install onnx==1.23.2 numpy==2.4.6 scikit-learn==1.9.1 skl2onnx==1.20.0
    venv/bin/python make_models.py
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

HERE = Path(__file__).resolve().parent
F = TensorProto.FLOAT


def save(name, nodes, inputs, outputs, initializers=(), opset=17, ir=8):
    graph = helper.make_graph(nodes, name, inputs, outputs, initializer=list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
    onnx.save(model, HERE / f"{name}.onnx")
    return model


def tensor(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def const(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def linear(name, first, features=3):
    """y = sigmoid(x . [1, 2, 3...] - 3), the first dimension as given."""
    return save(
        name,
        [helper.make_node("Gemm", ["x", "w", "b"], ["s"]), helper.make_node("Sigmoid", ["s"], ["y"])],
        [tensor("x", F, [first, features])],
        [tensor("y", F, [first, 1])],
        [const("w", [[i + 1] for i in range(features)]), const("b", [-3])],
    )


def every_type():
    """Each element type comes out as it went in."""
    kinds = {
        "bool": TensorProto.BOOL, "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16,
        "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64, "int8": TensorProto.INT8,
        "int16": TensorProto.INT16, "int32": TensorProto.INT32, "int64": TensorProto.INT64,
        "float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE,
        "string": TensorProto.STRING,
    }
    save(
        "every-type",
        [helper.make_node("Identity", [f"in_{n}"], [f"out_{n}"]) for n in kinds],
        [tensor(f"in_{n}", k, ["n"]) for n, k in kinds.items()],
        [tensor(f"out_{n}", k, ["n"]) for n, k in kinds.items()],
    )


def classifiers():
    x, y = load_iris(return_X_y=True)
    numbers = LogisticRegression(max_iter=500).fit(x, y)
    onnx.save(to_onnx(numbers, initial_types=[("float_input", FloatTensorType([None, 4]))], target_opset=17),
              HERE / "iris-numbers.onnx")
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    text = LogisticRegression(max_iter=500).fit(x, names)
    onnx.save(to_onnx(text, initial_types=[("float_input", FloatTensorType([1, 4]))], target_opset=17),
              HERE / "iris-names-fixed.onnx")
    onnx.save(to_onnx(text, initial_types=[("float_input", FloatTensorType([None, 4]))], target_opset=17,
                      options={"zipmap": False}), HERE / "iris-no-zipmap.onnx")
    colours = np.array([["red", "s"], ["green", "m"], ["blue", "l"], ["red", "l"]] * 10)
    shop = make_pipeline(ColumnTransformer([("words", OneHotEncoder(), [0, 1])]), LogisticRegression())
    shop.fit(colours, np.arange(40) % 2)
    onnx.save(to_onnx(shop, initial_types=[("words", StringTensorType([None, 2]))], target_opset=17),
              HERE / "words.onnx")


def softmax_images():
    """A classifier of tiny pictures [n, 1, 2, 2] whose names hold slashes and colons, labels beside it."""
    save(
        "softmax",
        [
            helper.make_node("Flatten", ["serving/pixels:0"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["serving/probabilities:0"], axis=1),
        ],
        [tensor("serving/pixels:0", F, ["n", 1, 2, 2])],
        [tensor("serving/probabilities:0", F, ["n", 3]), tensor("logits", F, ["n", 3])],
        [const("w", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])],
    )


def not_tensors():
    sequence = helper.make_tensor_sequence_value_info("parts", F, None)
    save(
        "sequence",
        [helper.make_node("SplitToSequence", ["x", "sizes"], ["parts"], axis=0)],
        [tensor("x", F, ["n", 2]), tensor("sizes", TensorProto.INT64, ["k"])],
        [sequence],
    )
    optional = helper.make_value_info("maybe", helper.make_optional_type_proto(helper.make_tensor_type_proto(F, None)))
    kind = helper.make_tensor_type_proto(F, None)
    then = helper.make_graph([helper.make_node("Optional", ["x"], ["t"])], "then", [], [
        helper.make_value_info("t", helper.make_optional_type_proto(kind))])
    other = helper.make_graph([helper.make_node("Optional", [], ["e"], type=kind)], "else", [], [
        helper.make_value_info("e", helper.make_optional_type_proto(kind))])
    save(
        "optional",
        [helper.make_node("If", ["wanted"], ["maybe"], then_branch=then, else_branch=other)],
        [tensor("x", F, ["n"]), tensor("wanted", TensorProto.BOOL, [])],
        [optional],
    )
    save(
        "bfloat16",
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)],
        [tensor("x", F, ["n"])],
        [tensor("y", TensorProto.BFLOAT16, ["n"])],
    )


def peculiar():
    save("scalar", [helper.make_node("Add", ["x", "x"], ["y"])], [tensor("x", F, [])], [tensor("y", F, [])])
    # Rows that look at each other: they must not be run together with a stranger's.
    save(
        "centred",
        [helper.make_node("ReduceMean", ["x"], ["m"], axes=[0]), helper.make_node("Sub", ["x", "m"], ["y"])],
        [tensor("x", F, ["n", 2])],
        [tensor("y", F, ["n", 2])],
    )
    # A row may name an entry that the table has not.
    save(
        "table",
        [helper.make_node("Gather", ["t", "i"], ["y"])],
        [tensor("i", TensorProto.INT64, ["n", 1])],
        [tensor("y", F, ["n", 1])],
        [const("t", [10, 20, 30])],
    )
    # Says that it takes four numbers and makes six of them.
    save(
        "contradicts",
        [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Reshape", ["x", "k"], ["r"]),
         helper.make_node("MatMul", ["r", "w"], ["y"])],
        [tensor("x", F, ["n", 4])],
        [tensor("y", F, None)],
        [const("k", [1, 6], np.int64), const("w", [[1]] * 6)],
        opset=13,
    )
    save("any-rank", [helper.make_node("Neg", ["x"], ["y"])], [tensor("x", F, None)], [tensor("y", F, None)])
    save(
        "two-inputs",
        [helper.make_node("Mul", ["a", "b"], ["y"])],
        [tensor("a", F, ["n", 2]), tensor("b", F, ["n", 1])],
        [tensor("y", F, ["n", 2])],
    )
    # An exponential overflows for large inputs.
    save("exp", [helper.make_node("Exp", ["x"], ["y"])], [tensor("x", F, ["n", 2])], [tensor("y", F, ["n", 2])])
    # Enough output to be worth the compact form.
    save("wide", [helper.make_node("Expand", ["x", "shape"], ["y"])], [tensor("x", F, ["n", 1])],
         [tensor("y", F, ["n", 500])], [const("shape", [1, 500], np.int64)])


def slow():
    """Multiplies a matrix of ones with itself a few times and adds nothing of it to its input."""
    # The size depends on the input, or ONNX Runtime would fold it all into a constant.
    nodes = [
        helper.make_node("Shape", ["x"], ["dims"]),
        helper.make_node("Mul", ["dims", "none64"], ["zeros"]),
        helper.make_node("Add", ["zeros", "side"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["m0"], value=helper.make_tensor("v", F, [1], [1e-3])),
    ]
    nodes += [helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(6)]
    nodes += [
        helper.make_node("ReduceSum", ["m6"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "x0"], ["none"]),
        helper.make_node("Mul", ["x", "zero"], ["x0"]),
        helper.make_node("Add", ["x", "none"], ["y"]),
    ]
    nodes[-2], nodes[-3] = nodes[-3], nodes[-2]
    save("slow", nodes, [tensor("x", F, ["n", 1])], [tensor("y", F, None)],
         [const("zero", [0]), const("none64", [0, 0], np.int64), const("side", [900, 900], np.int64)])


def external():
    model = linear("external", "n", 300)
    onnx.save(model, HERE / "external.onnx", save_as_external_data=True, location="external.weights",
              size_threshold=100)


def odd_inputs():
    """Inputs that no message can bring, and one that need not be brought."""
    takes_first = helper.make_node("SequenceAt", ["parts", "first"], ["y"])
    save("sequence-input", [takes_first], [helper.make_tensor_sequence_value_info("parts", F, None)],
         [tensor("y", F, None)], [const("first", 0, np.int64)])
    words = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(F, []))
    counted = helper.make_node("DictVectorizer", ["words"], ["y"], domain="ai.onnx.ml",
                               string_vocabulary=["a", "b"])
    save("map-input", [counted], [helper.make_value_info("words", words)], [tensor("y", F, [1, 2])])
    maybe = helper.make_optional_type_proto(helper.make_tensor_type_proto(F, [2]))
    has = helper.make_node("OptionalHasElement", ["maybe"], ["y"])
    save("optional-input", [has], [helper.make_value_info("maybe", maybe)], [tensor("y", TensorProto.BOOL, [])], opset=18)
    # An initializer of an input's name is its default.
    save("default-input", [helper.make_node("Mul", ["x", "gain"], ["y"])],
         [tensor("x", F, ["n", 2]), tensor("gain", F, [1])], [tensor("y", F, ["n", 2])], [const("gain", [3])])


def main():
    for old in HERE.glob("*.weights"):
        old.unlink()
    linear("linear", "n")
    linear("linear-fixed", 1)
    every_type()
    classifiers()
    softmax_images()
    not_tensors()
    peculiar()
    external()
    slow()
    odd_inputs()
    for path in sorted(HERE.glob("*.onnx")):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
