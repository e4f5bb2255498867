"""Exports small models from PyTorch, by both of its exporters, with what PyTorch makes of some inputs. Run by hand, with Python
3.11 or later:

    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
    venv/bin/python make_torch_models.py [FOLDER]

For each model there is NAME.onnx, perhaps NAME.onnx.data, and NAME.onnx.json: requests of the Open Inference Protocol with the outputs
that are expected.
"""

import json
import sys
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

warnings.filterwarnings("ignore")

DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "int8": "INT8",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}


class Conv(nn.Module):
    """A small convolutional network, any number of pictures."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(3 * 4 * 4, 5)

    def forward(self, image):
        return self.head(torch.flatten(self.body(image), 1))


class Lstm(nn.Module):
    """Two layers in both directions, sequences of any length, and the last states beside the output."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, signal):
        output, (hidden, cell) = self.lstm(signal)
        return output, hidden, cell


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, signal):
        return self.head(self.gru(signal)[0][:, -1])


class Block(nn.Module):
    """One layer of a transformer with a mask of what is padding."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")

    def forward(self, tokens, padding):
        return self.layer(tokens, src_key_padding_mask=padding)


class Embedding(nn.Module):
    """Whole numbers that stand for words."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(30, 4)

    def forward(self, ids):
        return self.table(ids).mean(dim=1)


class Several(nn.Module):
    """Outputs of several types: scores, the place of the best, the two best, whether any is above a bound."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        scores = torch.softmax(self.linear(x), dim=-1)
        values, places = torch.topk(scores, 2)
        return {
            "scores": scores,
            "best": scores.argmax(-1),
            "values": values,
            "places": places,
            "sure": (scores > 0.5).any(-1),
        }


class Scalar(nn.Module):
    """An input without dimensions, and an output without any."""

    def forward(self, x, gain):
        y = x * gain
        return y, y.sum()


class Half(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return torch.relu(self.linear(x))


class Bytes(nn.Module):
    """A picture of bytes, channels last, any size, made smaller."""

    def forward(self, picture):
        x = picture.permute(0, 3, 1, 2).to(torch.float32) / 255
        return nn.functional.interpolate(x, size=(4, 4), mode="bilinear", align_corners=False)


class Masked(nn.Module):
    """Two inputs of different types that are broadcast."""

    def forward(self, x, keep):
        return torch.where(keep, x, torch.zeros_like(x)).cumsum(-1)


class Fixed(nn.Module):
    """One row alone, whose size stands in the graph."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 2)

    def forward(self, x):
        return self.linear(x.reshape(1, 6))


class Attention(nn.Module):
    """Rows that look at each other: the mean of the batch is taken off, so rows of strangers must not share a run."""

    def forward(self, x):
        return x - x.mean(dim=0, keepdim=True)


class Double(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return torch.linalg.vector_norm(self.linear(x), dim=-1)


class Autoencoder(nn.Module):
    """Deconvolution, layer norm and the loss of each row."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv1d(1, 2, 4, stride=2, padding=1)
        self.norm = nn.LayerNorm(8)
        self.up = nn.ConvTranspose1d(2, 1, 4, stride=2, padding=1)

    def forward(self, signal):
        again = self.up(torch.nn.functional.silu(self.norm(self.down(signal))))
        return again, ((again - signal) ** 2).mean(dim=(1, 2))


class Chosen(nn.Module):
    """One way or the other, by the input itself."""

    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda v: v * 2, lambda v: v - 1, (x,))


class Loop(nn.Module):
    """As many steps as the input says."""

    def forward(self, x, steps: torch.Tensor):
        for _ in range(int(steps)):
            x = x * 0.5 + 1
        return x


class Spectrum(nn.Module):
    """The power spectrum of a window."""

    def forward(self, signal):
        return torch.fft.rfft(signal).abs()


class Echo(nn.Module):
    """An input that is an output too, one output under two names, and one that no input has a part in."""

    def forward(self, x):
        y = x + 1
        return x, y, y, torch.ones(2)


class Unused(nn.Module):
    """An input that nothing looks at, and a list as output."""

    def forward(self, x, nothing):
        return list(torch.split(x * 3, 2, dim=-1))


class Twice(nn.Module):
    """An output whose size is a sum: the exporter writes it as such."""

    def forward(self, x):
        return torch.cat([x, x, x[:1]], dim=0)


class Words(nn.Module):
    """Scores for each word of a vocabulary, the place of the last word asked for as a number alone."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(12, 4)

    def forward(self, ids, last):
        return torch.log_softmax(self.table(ids) @ self.table.weight.T, -1)[:, last]


def f(*shape, dtype=torch.float32):
    return torch.rand(*shape, dtype=torch.float64).sub(0.5).mul(4).to(dtype)


B = torch.export.Dim("batch")
S = torch.export.Dim("length")
BOOL = torch.tensor([[False, False, True], [False, True, True]])
CASES = {
    # name: model, inputs by name, names of outputs, dynamic dimensions, exporters
    "conv": (Conv(), {"image": f(2, 1, 8, 8)}, ["scores"], {"image": {0: B}}),
    "lstm": (Lstm(), {"signal": f(2, 5, 3)}, ["output", "hidden", "cell"], {"signal": {0: B, 1: S}}),
    "gru": (Gru(), {"signal": f(2, 5, 3)}, ["y"], {"signal": {0: B}}),
    "block": (
        Block(),
        {"tokens": f(2, 3, 8), "padding": BOOL},
        ["y"],
        {"tokens": {0: B, 1: S}, "padding": {0: B, 1: S}},
    ),
    "embedding": (Embedding(), {"ids": torch.tensor([[1, 2, 29], [0, 0, 7]])}, ["mean"], {"ids": {0: B, 1: S}}),
    "several": (Several(), {"x": f(3, 4)}, ["scores", "best", "values", "places", "sure"], {"x": {0: B}}),
    "scalar": (Scalar(), {"x": f(4), "gain": torch.tensor(2.5)}, ["y", "sum"], None),
    "half": (Half().half(), {"x": f(2, 4, dtype=torch.float16)}, ["y"], {"x": {0: B}}),
    "bytes": (Bytes(), {"picture": torch.randint(0, 255, (1, 6, 5, 3), dtype=torch.uint8)}, ["small"], None),
    "masked": (Masked(), {"x": f(2, 3), "keep": BOOL}, ["y"], {"x": {0: B}, "keep": {0: B}}),
    "fixed": (Fixed(), {"x": f(1, 6)}, ["y"], None),
    "strangers": (Attention(), {"x": f(3, 2)}, ["y"], {"x": {0: B}}),
    "double": (Double().double(), {"x": f(2, 3, dtype=torch.float64)}, ["norm"], {"x": {0: B}}),
    "autoencoder": (Autoencoder(), {"signal": f(2, 1, 16)}, ["again", "loss"], {"signal": {0: B}}),
    "chosen": (Chosen(), {"x": f(2, 3)}, ["y"], {"x": {0: B}}),
    "loop": (Loop(), {"x": f(2, 3), "steps": torch.tensor(3)}, ["y"], None),
    "echo": (Echo(), {"x": f(2, 3)}, ["same", "y", "again", "ones"], {"x": {0: B}}),
    "unused": (Unused(), {"x": f(2, 4), "nothing": f(2)}, ["left", "right"], {"x": {0: B}, "nothing": None}),
    "twice": (Twice(), {"x": f(2, 3)}, ["y"], {"x": {0: B}}),
    "words": (Words(), {"ids": torch.tensor([[1, 2, 11]]), "last": torch.tensor(2)}, ["scores"], None),
    "spectrum": (Spectrum(), {"signal": f(2, 16)}, ["power"], {"signal": {0: B}}),
}
# What an exporter of PyTorch itself cannot do, or makes too large a file of for here.
NOT_BY = {"old": {"chosen", "spectrum", "block"}, "new": {"loop"}}


def export_old(model, inputs, outputs, dynamic, path):
    axes = {name: {i: dim.__name__ for i, dim in (dims or {}).items()} for name, dims in (dynamic or {}).items()}
    if isinstance(model, Loop):
        model = torch.jit.script(model)
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        path,
        dynamo=False,
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes=axes,
        opset_version=17,
    )


def export_new(model, inputs, outputs, dynamic, path):
    shapes = None if dynamic is None else tuple(dynamic.get(name) for name in inputs)
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        path,
        dynamo=True,
        input_names=list(inputs),
        output_names=outputs,
        dynamic_shapes=shapes,
        verbose=False,
    )


def forget_in(graph):
    del graph.metadata_props[:]
    for value in graph.value_info:
        del value.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        # The branches of an If and the body of a Loop.
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                if inner.node:
                    forget_in(inner)


def forget_where_it_came_from(path):
    """The new exporter writes the lines of source behind each node, which is most of a small file."""
    model = onnx.load(path, load_external_data=False)
    for graph in [model.graph, *model.functions]:
        forget_in(graph)
    onnx.save(model, path)
    data = path.with_name(path.name + ".data")
    if data.exists() and data.stat().st_size == 0:
        data.unlink()
    # The old exporter leaves out an input that nothing looks at.
    return {value.name for value in model.graph.input}


def tensor_of(name, value):
    array = value.detach().numpy()
    return {
        "name": name,
        "shape": list(array.shape),
        "datatype": DATATYPES[str(array.dtype)],
        "data": array.ravel().tolist(),
    }


def main(folder: Path) -> None:
    for exporter, export in (("old", export_old), ("new", export_new)):
        for name, (model, inputs, outputs, dynamic) in CASES.items():
            if name in NOT_BY[exporter]:
                continue
            path = folder / f"{name}-{exporter}.onnx"
            model.eval()
            with torch.no_grad():
                given = model(*inputs.values())
                given = (
                    list(given.values())
                    if isinstance(given, dict)
                    else [given]
                    if torch.is_tensor(given)
                    else list(given)
                )
                export(model, inputs, outputs, dynamic, str(path))
            taken = forget_where_it_came_from(path)
            case = {
                "inputs": [tensor_of(key, value) for key, value in inputs.items() if key in taken],
                "outputs": [tensor_of(key, value) for key, value in zip(outputs, given)],
            }
            path.with_suffix(".onnx.json").write_text(json.dumps(case) + "\n")


if __name__ == "__main__":
    torch.manual_seed(5)
    # The old exporter knows no counterpart for the operator that does a whole layer at once.
    torch.backends.mha.set_fastpath_enabled(False)
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
