"""Calls of the function ``sensory``."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, Optional

from ._errors import TheBoxError

#: What a broken connection or a server that goes away raises while an answer is read.
BROKEN = (OSError, http.client.HTTPException)

_BUSY = {408, 429, 500, 502, 503, 504}
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the address that the caller named and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Busy(TheBoxError):
    """A failure that another try may mend."""

    def __init__(self, message: str, code: str, status: Optional[int], retry_after: float) -> None:
        super().__init__(message, code, status)
        self.retry_after = retry_after


class Tries:
    """How often a call is tried again while nothing comes of it, and how long the pauses are."""

    def __init__(self, retries: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._retries = retries
        self._sleep = sleep
        self._failed = 0

    def progress(self) -> None:
        """Something came: failures are counted anew."""
        self._failed = 0

    def failed(self, error: Exception) -> None:
        """Waits before the next try, or raises ``error`` when there were enough."""
        self._failed += 1
        if self._failed > self._retries:
            raise error
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (self._failed - 1))
        told = error.retry_after if isinstance(error, Busy) else 0.0
        # Workers that lost the same server do not come back at the same instant.
        self._sleep(max(told, longest * random.uniform(0.5, 1.0)))


class Service:
    """The function ``sensory`` at an address, entered with a key."""

    def __init__(self, url: str, key: str, *, timeout: float = 60.0, retries: int = 8) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"Cannot use url: it must be http:// or https://, got {url!r}")
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.retries = retries
        self._key = key
        self._opener = urllib.request.build_opener(_NoRedirect)

    def __getstate__(self) -> Dict[str, Any]:
        return {"url": self.url, "key": self._key, "timeout": self.timeout, "retries": self.retries}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        made = Service(state["url"], state["key"], timeout=state["timeout"], retries=state["retries"])
        self.__dict__.update(made.__dict__)

    def open(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> http.client.HTTPResponse:
        """One call; the answer's body is still to be read.

        Raises Busy where another try may help, TheBoxError where it would not.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Authorization", f"Bearer {self._key}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            return self._opener.open(request, timeout=self.timeout)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            raise _told(error) from None
        except BROKEN as error:
            raise Busy(f"Cannot reach {self.url}: {error}", "unavailable", None, 0.0) from error

    def json(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """A call whose answer is a JSON object. ``GET`` is tried again, what changes something is not."""
        content = self.fetch(path) if method == "GET" else self._once(method, path, body)
        if not content:
            return {}
        value = json.loads(content)
        if not isinstance(value, dict):
            raise TheBoxError(f"Cannot read the answer to {path}: it must be a JSON object", "internal")
        return value

    def fetch(self, path: str) -> bytes:
        """What lies at a path, tried again until it came whole."""
        tries = Tries(self.retries)
        while True:
            try:
                return self._once("GET", path, None)
            except Busy as error:
                tries.failed(error)

    def _once(self, method: str, path: str, body: Optional[Dict[str, Any]]) -> bytes:
        with self.open(method, path, body) as answer:
            try:
                return answer.read()
            except BROKEN as error:
                raise Busy(f"Cannot read {path} to its end: {error!r}", "unavailable", None, 0.0) from error


def _told(error: urllib.error.HTTPError) -> TheBoxError:
    """The answer's own words: its problem details, or its text."""
    try:
        text = error.read(65536).decode("utf-8", "replace")
    except BROKEN:
        text = ""
    code, detail = "internal", f"the service answered {error.code} {text.strip()[:200]}".strip()
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        code = str(problem.get("code", code))
        detail = str(problem.get("detail") or problem.get("error") or detail)
    if error.code not in _BUSY:
        return TheBoxError(detail, code, error.code)
    try:
        retry_after = max(0.0, float(error.headers.get("Retry-After", "0")))
    except ValueError:
        retry_after = 0.0
    return Busy(detail, code, error.code, min(retry_after, 60.0))
