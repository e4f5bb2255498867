"""Labelled samples of The Box for trainers.

    import thebox

    for batch in thebox.stream(url, key, dataset="digits_28x28", split="train", seed=1):
        train(batch.data, batch.labels)     # numpy: uint8 (n, height, width), int32 (n,)
        save(batch.cursor)                  # thebox.stream(url, key, cursor=...) goes on exactly here

``url`` is where the function ``sensory`` is: ``http://GATEWAY/function/sensory``. ``thebox.torch`` has a dataset for
PyTorch.
"""

from ._errors import CorruptStream, TheBoxError
from ._frames import Batch, read_file
from ._http import Service
from ._order import Order, find_order, order
from ._stream import Stream, current_snapshot, stream

__all__ = [
    "Batch",
    "CorruptStream",
    "Order",
    "Service",
    "Stream",
    "TheBoxError",
    "current_snapshot",
    "find_order",
    "order",
    "read_file",
    "stream",
]
