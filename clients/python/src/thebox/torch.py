"""Samples of The Box for PyTorch: ``pip install thebox[torch]``."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ._epoch_feed import EpochFeed
from ._http import Service
from ._stream import Augment, Balance, current_snapshot

Item = Tuple[Any, ...]
Transform = Callable[[torch.Tensor, torch.Tensor], Tuple[Any, Any]]


class StreamDataset(IterableDataset):  # type: ignore[type-arg]
    """Batches ``(data, labels)``: uint8 of shape (samples, height, width), int64.

        dataset = StreamDataset(url, key, dataset="digits_28x28", split="train", batch_size=256)
        loader = DataLoader(dataset, batch_size=None, num_workers=2)
        for epoch in range(dataset.epoch, 10):
            dataset.set_epoch(epoch)
            for data, labels in loader: ...

    It makes whole batches, so the loader's own ``batch_size`` is None. An iteration is one epoch, split without overlap
    among the workers of the loader and the processes of a distributed training (``rank`` of ``world_size``).

    The dataset's state is fixed when the object is made, so that all workers draw from the same; processes of a
    distributed training are given the same ``version`` or ``snapshot``.

    ``state_dict`` says where it stands, ``load_state_dict`` goes on after the last batch that was given, with the same
    noise: with ``num_workers=0``, or with torchdata's ``StatefulDataLoader``, which asks each worker. A plain
    ``DataLoader`` keeps its workers' states to itself: with ``states=True`` each item is ``(data, labels, state)``, and
    ``dataset.load_state_dict(state)`` for each that was trained on keeps this object's ``state_dict()`` up to date.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        dataset: str,
        version: Optional[str] = None,
        snapshot: Optional[int] = None,
        batch_size: Optional[int] = None,
        seed: Union[int, str] = 0,
        split: str = "all",
        ratios: Optional[Sequence[float]] = None,
        balance: Optional[Balance] = None,
        noise: Optional[float] = None,
        augment: Optional[Augment] = None,
        mix: Optional[int] = None,
        rank: int = 0,
        world_size: int = 1,
        transform: Optional[Transform] = None,
        states: bool = False,
        timeout: float = 60.0,
        retries: int = 8,
    ) -> None:
        super().__init__()
        if not 0 <= rank < world_size:
            raise ValueError(f"Cannot make dataset: rank must be from 0 to {world_size - 1}, got {rank}")
        service = Service(url, key, timeout=timeout, retries=retries)
        if version is None and snapshot is None:
            snapshot = current_snapshot(service, dataset)
        query: Dict[str, Any] = {
            "dataset": dataset,
            "version": version,
            "snapshot": snapshot,
            "seed": str(seed),
            "split": split,
            "ratios": None if ratios is None else list(ratios),
            "balance": balance,
            "noise": noise,
            "augment": augment,
            "mix": mix,
        }
        self._feed = EpochFeed(service, query, batch_size)
        self._rank = rank
        self._world_size = world_size
        self._transform = transform
        self._states = states

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration."""
        return self._feed.epoch

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next iteration is; the epoch of a loaded state goes on where the state says."""
        self._feed.set_epoch(epoch)

    def state_dict(self) -> Dict[str, Any]:
        """Where it stands: text and numbers alone."""
        return self._feed.state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a state says; states of several workers are loaded one after the other."""
        self._feed.load(state)

    def __iter__(self) -> Iterator[Item]:
        info = get_worker_info()
        local, count = (0, 1) if info is None else (info.id, info.num_workers)
        worker, workers = self._rank * count + local, self._world_size * count
        for batch in self._feed.batches(worker, workers):
            data = torch.from_numpy(batch.data)
            labels = torch.from_numpy(batch.labels).long()
            item = (data, labels) if self._transform is None else self._transform(data, labels)
            if not self._states:
                yield item
                continue
            cursors = {str(worker): batch.cursor}
            yield (*item, {"epoch": self.epoch, "workers": workers, "cursors": cursors})
