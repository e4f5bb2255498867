"""One epoch after the other for several workers, and where each of them stands. Knows nothing of PyTorch."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional

from ._frames import Batch
from ._http import Service
from ._stream import Stream


class EpochFeed:
    """Epochs of a fixed state of a dataset, each split among workers.

    Its state is ``{"epoch", "workers", "cursors": {"<worker>": cursor}}``; states of several workers of one epoch are
    put together by loading one after the other.
    """

    def __init__(self, service: Service, query: Mapping[str, Any], batch_size: Optional[int]) -> None:
        self.epoch = 0
        self._service = service
        self._query = dict(query)
        self._batch_size = batch_size
        self._workers: Optional[int] = None
        self._cursors: Dict[str, str] = {}
        self._resume = False

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next, from its beginning; the epoch of a loaded state goes on where the state says."""
        if epoch != self.epoch:
            self.epoch = epoch
            self._cursors = {}

    def state(self) -> Dict[str, Any]:
        return {"epoch": self.epoch, "workers": self._workers, "cursors": dict(self._cursors)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Adds a state to what is known; one of another epoch or number of workers replaces it."""
        epoch, workers = int(state["epoch"]), state["workers"]
        if epoch != self.epoch or workers != self._workers:
            self._cursors = {}
        self.epoch, self._workers = epoch, workers
        self._cursors.update(state["cursors"])
        self._resume = True

    def batches(self, worker: int, workers: int) -> Iterator[Batch]:
        """What is left of a worker's share of the epoch after a loaded state, else all of it."""
        if self._resume and self._cursors and self._workers != workers:
            raise ValueError(
                f"Cannot go on: the state is of {self._workers} workers, got {workers}; begin an epoch with set_epoch"
            )
        if not self._resume:
            self._cursors.pop(str(worker), None)
        self._resume = False
        self._workers = workers
        cursor = self._cursors.get(str(worker))
        query = {} if cursor is not None else {**self._query, "epoch": self.epoch, "worker": worker, "workers": workers}
        until = self.epoch + 1
        for batch in Stream(self._service, query, cursor=cursor, until=until, batch_size=self._batch_size):
            # Noted before it is given: a state that is taken while a batch is at work goes on after that batch.
            self._cursors[str(worker)] = batch.cursor
            yield batch
