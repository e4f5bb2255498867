"""Stage inference in Python, by a function that knows nothing of The Box: JSON in, JSON out, a status for what is wrong.

The connector gives it one message at a time, asks again after 429, 5xx or no answer, and takes 4xx for good.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What a bearing did in its first weeks: mean and standard deviation of each feature.
NORMAL = {"rms": (1.2, 0.2), "crest": (3.1, 0.4), "kurtosis": (3.0, 0.5)}


def score(features: dict[str, float]) -> float:
    """How many standard deviations the worst feature is above its mean."""
    return max((features[name] - mean) / deviation for name, (mean, deviation) in NORMAL.items())


class Server(ThreadingHTTPServer):
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            features = {one["feature_name"]: float(one["data"]) for one in json.loads(body)["feature_data"]}
            self.answer(200, {"prediction_data": {"score": {"data": [[score(features)]]}}})
        except (KeyError, TypeError, ValueError) as error:
            self.answer(400, {"error": f"the body must hold the features {', '.join(NORMAL)}: {error!r}"})

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are logged by the watchdog."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Handler)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
