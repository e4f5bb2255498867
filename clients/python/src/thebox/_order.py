"""Orders: samples as files of a format that trainers read."""

from __future__ import annotations

import os
import time
import urllib.parse
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

from ._errors import TheBoxError
from ._http import Service
from ._stream import Augment, Balance

# How long the service may hold back its answer until there is more of an order.
_WAIT_S = 20

Progress = Callable[["Order"], None]


class Order:
    """An order of samples that the service fills into files.

    ``facts`` is the order's resource as it was seen last: state, progress of each shard, time of arrival, links.
    """

    def __init__(self, service: Service, facts: Mapping[str, Any]) -> None:
        self._service = service
        self.facts: Mapping[str, Any] = facts

    def __repr__(self) -> str:
        return f"Order({self.id}, {self.state}, {self.done} of {self.size})"

    @property
    def id(self) -> str:
        return str(self.facts["id"])

    @property
    def state(self) -> str:
        """``running``, ``done``, ``failed``, ``cancelled`` or ``expired``."""
        return str(self.facts["state"])

    @property
    def size(self) -> int:
        """How many samples were ordered; ``done`` is how many of them lie in files."""
        return int(self.facts["size"])

    @property
    def done(self) -> int:
        return int(self.facts["done"])

    def refresh(self) -> "Order":
        """Asks the service how far it is."""
        self.facts = self._service.json("GET", self._path())
        return self

    def wait(self, *, timeout: Optional[float] = None, on_progress: Optional[Progress] = None) -> "Order":
        """Until all files are there.

        Raises TheBoxError when the order failed, was cancelled or has expired, TimeoutError after ``timeout`` seconds.
        """
        self._follow(timeout, on_progress, lambda: None)
        return self

    def download(
        self,
        folder: Union[str, "os.PathLike[str]"],
        *,
        timeout: Optional[float] = None,
        on_progress: Optional[Progress] = None,
    ) -> List[Path]:
        """Fetches each file as soon as it is there, and returns all when the last one is.

        What lies in ``folder`` already with the right length is not fetched again: each order needs its own folder.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        files: Dict[str, Path] = {}

        def fetch() -> None:
            for shard in self.facts["shards"]:
                name = shard.get("name")
                if name is not None and name not in files:
                    files[name] = self._fetch(target, name, shard["href"], shard["bytes"])

        self._follow(timeout, on_progress, fetch)
        index = self.facts["links"].get("index")
        if index is not None:
            files["index.json"] = self._fetch(target, "index.json", index, None)
        return [files[name] for name in sorted(files)]

    def cancel(self) -> None:
        """Ends the order and removes its files."""
        self._service.json("DELETE", self._path())

    def _path(self) -> str:
        return "/api/sensory/order/" + urllib.parse.quote(self.id, safe="")

    def _follow(self, timeout: Optional[float], on_progress: Optional[Progress], step: Callable[[], None]) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            step()
            if on_progress is not None:
                on_progress(self)
            if self.state == "done":
                return
            if self.state != "running":
                reason = self.facts.get("reason")
                why = "" if reason is None else f" ({reason})"
                raise TheBoxError(f"Cannot wait for order {self.id}: it is {self.state}{why}", "not_found")
            left = _WAIT_S if end is None else end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Cannot wait for order {self.id} any longer: {self.done} of {self.size} are there")
            # Answered as soon as there is more than what is known; less than a second is not worth asking for.
            seconds = max(1, min(_WAIT_S, int(left)))
            self.facts = self._service.json("GET", f"{self._path()}?wait={seconds}&done={self.done}")

    def _fetch(self, folder: Path, name: str, href: str, length: Optional[int]) -> Path:
        if Path(name).name != name or name.startswith("."):
            raise TheBoxError(f"Cannot fetch {name!r}: it is no name of a file", "internal")
        path = folder / name
        if length is not None and path.is_file() and path.stat().st_size == length:
            return path
        content = self._service.fetch(href)
        if length is not None and len(content) != length:
            raise TheBoxError(f"Cannot fetch {name}: it must have {length} bytes, got {len(content)}", "internal")
        # A file stands under its name only when it is whole.
        part = folder / (name + ".part")
        part.write_bytes(content)
        os.replace(part, path)
        return path


def order(
    url: str,
    key: str,
    *,
    dataset: Optional[str] = None,
    version: Optional[str] = None,
    size: Optional[int] = None,
    epochs: Optional[int] = None,
    split: Optional[str] = None,
    ratios: Optional[Sequence[float]] = None,
    seed: Union[int, str, None] = None,
    balance: Optional[Balance] = None,
    noise: Optional[float] = None,
    augment: Optional[Augment] = None,
    mix: Optional[int] = None,
    format: str = "npz",
    file_samples: Optional[int] = None,
    timeout: float = 60.0,
    retries: int = 8,
) -> Order:
    """Places an order of ``size`` samples, or of so many ``epochs`` (one when neither is given).

    ``format`` is ``npz``, ``npy``, ``arrow``, ``webdataset``, ``mds`` or ``stream``; ``file_samples`` bounds the samples
    of one file. The rest is as in :func:`thebox.stream`. Placing an order is not tried again: it would be a second one.
    """
    wanted = {
        "dataset": dataset,
        "version": version,
        "size": size,
        "epochs": epochs,
        "split": split,
        "ratios": None if ratios is None else list(ratios),
        "seed": seed,
        "balance": balance if balance is None or isinstance(balance, bool) else dict(balance),
        "noise": noise,
        "augment": None if augment is None else {name: dict(step) for name, step in augment.items()},
        "mix": mix,
        "format": format,
        "file_samples": file_samples,
    }
    service = Service(url, key, timeout=timeout, retries=retries)
    body = {name: value for name, value in wanted.items() if value is not None}
    return Order(service, service.json("POST", "/api/sensory/order", body))


def find_order(url: str, key: str, id: str, *, timeout: float = 60.0, retries: int = 8) -> Order:
    """An order that was placed before."""
    service = Service(url, key, timeout=timeout, retries=retries)
    return Order(service, service.json("GET", "/api/sensory/order/" + urllib.parse.quote(id, safe="")))
