"""What goes wrong, told in the service's own words."""

from __future__ import annotations

from typing import Optional


class TheBoxError(Exception):
    """The service refused a call, or could not be reached.

    ``code`` is the service's error code (``not_found``, ``invalid_argument``…; ``unavailable`` when it does not
    answer), ``status`` the HTTP status, None when there was no answer.
    """

    def __init__(self, message: str, code: str = "unavailable", status: Optional[int] = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class CorruptStream(TheBoxError):
    """What came is no stream of The Box."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "corrupt")
