"""Serves handler.handle to The Box: a batch of CloudEvents in, one result for each out. Python's standard library alone.

Contract: docs/messages.md. of-watchdog stands in front (mode http) and passes requests to the port.
"""

import base64
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from handler import handle

BATCH = "application/cloudevents-batch+json"
SECRETS = Path(os.environ.get("SECRETS_DIR", "/var/openfaas/secrets"))


class Server(ThreadingHTTPServer):
    # The gateway keeps its connections open; they must not keep the process from ending.
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.is_allowed():
            return self.answer(403, {"code": "forbidden", "detail": "Cannot call function: the key must be the box's"})
        try:
            events = self.read_events(body)
        except ValueError as error:
            return self.answer(400, {"code": "invalid_argument", "detail": f"Cannot read events: {error}"})
        self.answer(200, {"results": [result_of(event) for event in events]})

    def is_allowed(self) -> bool:
        """OpenFaaS lets everybody call a function: the key is the function's to check."""
        scheme, _, given = self.headers.get("authorization", "").partition(" ")
        key = (SECRETS / "box-api-key").read_text().strip()
        return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), key.encode())

    def read_events(self, body: bytes) -> list[dict]:
        """The events of a batch, or the one that comes in binary mode because it is large."""
        if self.headers.get_content_type() == BATCH:
            return json.loads(body)
        event = {name[3:].lower(): unquote(value) for name, value in self.headers.items() if name.lower().startswith("ce-")}
        if "json" in self.headers.get_content_type():
            return [{**event, "data": json.loads(body)}]
        return [{**event, "data_base64": base64.b64encode(body).decode()}]

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are logged by the watchdog."""


def result_of(event: dict) -> dict:
    """One bad event fails alone, and for good: it would be as bad the next time."""
    try:
        return {"id": event["id"], "events": [{"data": handle(event)}]}
    except ValueError as error:
        return {"id": event["id"], "error": {"code": "unprocessable", "message": str(error), "retry": False}}


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Handler)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
