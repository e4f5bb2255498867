"""Batches as one stream that is left and taken up again at any sample."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any, Dict, Generator, Iterator, Mapping, Optional, Sequence, Union

from ._errors import CorruptStream, TheBoxError
from ._frames import Batch, CutOff, End, read_frames
from ._http import BROKEN, Busy, Service, Tries

Balance = Union[bool, Mapping[str, float]]
Augment = Mapping[str, Mapping[str, float]]

_ENDLESS = 1_000_000


class Stream:
    """An iterator of batches. A connection that breaks is made anew; not a sample is lost or comes twice.

    ``stream.cursor`` is where it stands: after the batch that was given last.
    """

    def __init__(
        self,
        service: Service,
        query: Mapping[str, Any],
        *,
        cursor: Optional[str] = None,
        epochs: Optional[int] = 1,
        until: Optional[int] = None,
        batch_size: Optional[int] = None,
    ) -> None:
        if epochs is not None and epochs < 1:
            raise ValueError(f"Cannot stream: epochs must be at least 1, got {epochs}")
        self.cursor = cursor
        self._service = service
        self._query = {name: value for name, value in query.items() if value is not None}
        self._batch_size = batch_size
        self._epochs = epochs
        #: The epoch that is not given any more; known with the first batch at the latest, None in an endless stream.
        self._until = until
        #: An epoch at or before which the cursor stands.
        self._epoch = int(self._query.get("epoch", 0))
        self._batches = self._run()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return next(self._batches)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the stream; the cursor stays good."""
        self._batches.close()

    def _run(self) -> Generator[Batch, None, None]:
        tries = Tries(self._service.retries)
        while True:
            try:
                before = self.cursor
                with self._service.open("GET", self._path()) as source:
                    for frame in read_frames(source):
                        if isinstance(frame, End):
                            # Not at its end, it gave as many batches as one call gets; or this worker's share is empty.
                            if frame.ended or self.cursor == before:
                                return
                        elif self._take(frame):
                            tries.progress()
                            yield frame
                        else:
                            return
            except Busy as error:
                tries.failed(error)
            except (CutOff, *BROKEN) as error:
                tries.failed(TheBoxError(f"Cannot go on with the stream: {str(error) or 'it was cut off'}"))

    def _take(self, batch: Batch) -> bool:
        """Notes where the stream stands; false when the batch is beyond its end."""
        if self._until is None and self._epochs is not None:
            self._until = batch.epoch + self._epochs
        if self._until is not None and batch.epoch >= self._until:
            return False
        if not batch.cursor:
            raise CorruptStream("Cannot go on with the stream: a batch came without its cursor")
        self.cursor = batch.cursor
        self._epoch = batch.epoch
        return True

    def _path(self) -> str:
        query: Dict[str, Any] = dict(self._query) if self.cursor is None else {"cursor": self.cursor}
        if self._batch_size is not None:
            query["batch_size"] = self._batch_size
        if self._until is not None:
            # The service counts from the cursor, whose epoch is this one or the next; what is too much is left unread.
            query["epochs"] = max(1, self._until - self._epoch)
        else:
            query["epochs"] = _ENDLESS if self._epochs is None else self._epochs
        return "/api/sensory/stream?" + urllib.parse.urlencode({name: _text(value) for name, value in query.items()})


def _text(value: Any) -> str:
    """A parameter as the query has it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def stream(
    url: str,
    key: str,
    *,
    dataset: Optional[str] = None,
    version: Optional[str] = None,
    snapshot: Optional[int] = None,
    batch_size: Optional[int] = None,
    seed: Union[int, str, None] = None,
    split: Optional[str] = None,
    ratios: Optional[Sequence[float]] = None,
    balance: Optional[Balance] = None,
    noise: Optional[float] = None,
    augment: Optional[Augment] = None,
    mix: Optional[int] = None,
    epoch: Optional[int] = None,
    epochs: Optional[int] = 1,
    until: Optional[int] = None,
    worker: int = 0,
    workers: int = 1,
    cursor: Optional[str] = None,
    timeout: float = 60.0,
    retries: int = 8,
) -> Stream:
    """Batches of a dataset, in an order that follows from its state, the seed and the epoch.

    :param url: where the function ``sensory`` is, such as ``http://127.0.0.1:8080/function/sensory``
    :param key: the appliance's key
    :param dataset: ``NAME_WIDTHxHEIGHT``; the service's default one when not given
    :param version: a frozen version of it; ``snapshot``: a state of it by number
    :param split: ``all``, ``train``, ``val`` or ``test``; ``ratios`` are their shares
    :param balance: True, or a weight for each category
    :param noise: the probability of rotation and of scaling; ``augment`` is a whole recipe instead
    :param mix: how many packed shards are mixed at a time, for datasets larger than the service's memory
    :param epoch: where it begins; ``epochs`` is how many there are, counted from the cursor's (None: without end);
        ``until`` instead names the epoch before which it ends, wherever it begins
    :param worker: the share ``worker`` of ``workers``: shares do not overlap
    :param cursor: goes on there, and nothing that describes the feed may be given: the cursor holds it all
    :param retries: how often in a row a connection may fail with no batch in between

    Raises TheBoxError in the service's words when it refuses, or when all retries have failed.
    """
    query: Dict[str, Any] = {
        "dataset": dataset,
        "version": version,
        "snapshot": snapshot,
        "seed": None if seed is None else str(seed),
        "split": split,
        "ratios": None if ratios is None else list(ratios),
        "balance": balance,
        "noise": noise,
        "augment": augment,
        "mix": mix,
        "epoch": epoch,
    }
    if workers != 1 or worker != 0:
        query.update(worker=worker, workers=workers)
    given = [name for name, value in query.items() if value is not None]
    if cursor is not None and given:
        raise ValueError(f"Cannot stream: the cursor holds {', '.join(given)} already; give the cursor alone")
    service = Service(url, key, timeout=timeout, retries=retries)
    return Stream(service, query, cursor=cursor, epochs=epochs, until=until, batch_size=batch_size)


def current_snapshot(service: Service, dataset: str) -> int:
    """The number of the state that a dataset is in now, so that several workers draw from the same."""
    found = service.json("GET", "/api/sensory/dataset/" + urllib.parse.quote(dataset, safe=""))
    return int(found["snapshot"])
