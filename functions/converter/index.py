"""The function `converter`: a TensorFlow frozen graph in, an ONNX model out. Python's standard library alone; the
conversion itself (convert.py) is a process of its own, so that TensorFlow's memory is given back and its end is not ours.

    POST /?input=NAME[SHAPE]&output=NAME   (each as often as there are inputs and outputs) with the graph's bytes

of-watchdog stands in front (mode http) and passes requests to the port.
"""

import hmac
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

CONVERT = Path(__file__).resolve().parent / "convert.py"
GRAPH_AT_FAULT = 2
STATUS = {
    "invalid_argument": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "unprocessable": 422,
    "internal": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
CHUNK_BYTES = 1 << 20


class Problem(Exception):
    """What is answered in place of a model."""

    def __init__(self, code: str, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after_s = retry_after_s


class Settings:
    """The environment, read once."""

    def __init__(self, env: "os._Environ[str] | dict[str, str]") -> None:
        self.secrets = Path(env.get("SECRETS_DIR", "/var/openfaas/secrets"))
        self.host = env.get("http_host", "127.0.0.1")
        self.port = int(env.get("http_port", "3000"))
        self.max_bytes = int(env.get("MAX_BODY_BYTES", str(256 << 20)))
        self.timeout_s = int(env.get("CONVERT_TIMEOUT_S", "55"))


class Server(ThreadingHTTPServer):
    # The gateway keeps its connections open; they must not keep the process from ending.
    daemon_threads = True

    def __init__(self, settings: Settings) -> None:
        super().__init__((settings.host, settings.port), Handler)
        self.settings = settings
        # TensorFlow takes the memory of one and every core there is.
        self.one_at_a_time = threading.Lock()
        self.idle = threading.Condition()
        self.calls = 0

    def drain(self) -> None:
        """Comes back when the last call was answered."""
        with self.idle:
            self.idle.wait_for(lambda: self.calls == 0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/healthz":
            self.refuse(Problem("not_found", f"Cannot find {self.path}: there is no such route"))
        else:
            self.answer(200, "application/json", b'{"status":"ok"}')

    def do_POST(self) -> None:
        with self.server.idle:
            self.server.calls += 1
        try:
            with tempfile.TemporaryDirectory() as folder:
                self.answer(200, "application/octet-stream", self.convert(Path(folder)))
        except Problem as problem:
            self.refuse(problem)
        finally:
            with self.server.idle:
                self.server.calls -= 1
                self.server.idle.notify_all()

    def convert(self, folder: Path) -> bytes:
        self.check_key()
        url = urlsplit(self.path)
        if url.path.rstrip("/"):
            raise Problem("not_found", f"Cannot find {url.path}: there is no such route")
        names = parse_qs(url.query, keep_blank_values=True)
        strange = sorted(set(names) - {"input", "output"})
        if strange:
            raise Problem("invalid_argument", f"Cannot read query: it has input and output, got {strange[0]!r}")
        source, target = folder / "graph.pb", folder / "model.onnx"
        self.read_body(source)
        arguments = [f"--{kind}={name}" for kind, given in names.items() for name in given]
        with self.server.one_at_a_time:
            run(arguments, source, target, self.server.settings.timeout_s)
        return target.read_bytes()

    def check_key(self) -> None:
        """OpenFaaS lets everybody call a function: the key is the function's to check."""
        scheme, _, given = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = self.headers.get("api-access-key", "")
        if not given:
            rule = 'send the key as "Authorization: Bearer KEY" or "API-ACCESS-KEY: KEY"'
            raise Problem("unauthenticated", f"Cannot call this function: {rule}")
        key = (self.server.settings.secrets / "box-api-key").read_text().strip()
        if not hmac.compare_digest(given.strip().encode(), key.encode()):
            raise Problem("permission_denied", "Cannot call this function: the key is not valid")

    def read_body(self, file: Path) -> None:
        most = self.server.settings.max_bytes
        written = 0
        with file.open("wb") as out:
            for chunk in self.chunks():
                written += len(chunk)
                if written > most:
                    raise Problem("too_large", f"Cannot convert graph: at most {most} bytes are taken, got more")
                out.write(chunk)

    def chunks(self):
        """The body as it comes, with a length or in HTTP's own chunks."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := chunk_size(self.rfile.readline()):
                yield from self.part(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                continue
            return
        left = int(self.headers.get("content-length", 0))
        if left > self.server.settings.max_bytes:
            raise Problem(
                "too_large",
                f"Cannot convert graph: at most {self.server.settings.max_bytes} bytes are taken, got {left}",
            )
        yield from self.part(left)

    def part(self, left: int):
        """So many bytes of the body; no more room is made at once than has come."""
        while left > 0:
            chunk = self.rfile.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise Problem("invalid_argument", "Cannot read graph: the body ended before its length")
            left -= len(chunk)
            yield chunk

    def refuse(self, problem: Problem) -> None:
        # What was not read of the body must not be taken for the next request.
        self.close_connection = True
        status = STATUS[problem.code]
        details = {
            "type": f"urn:thebox:error:{problem.code}",
            "title": problem.code.replace("_", " "),
            "status": status,
            "detail": str(problem),
            "code": problem.code,
        }
        extra = {} if problem.retry_after_s is None else {"retry-after": str(problem.retry_after_s)}
        self.answer(status, "application/problem+json", json.dumps(details).encode(), extra)

    def answer(self, status: int, content_type: str, body: bytes, extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **(extra or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are logged by the watchdog."""


def chunk_size(line: bytes) -> int:
    size = line.split(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size):
        raise Problem("invalid_argument", "Cannot read graph: a chunk of the body must begin with its length")
    return int(size, 16)


def run(arguments: list[str], source: Path, target: Path, timeout_s: int) -> None:
    command = [sys.executable, str(CONVERT), *arguments, "--", str(source), str(target)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise Problem("deadline_exceeded", f"Cannot convert graph: it must be done within {timeout_s} s") from error
    if done.returncode == GRAPH_AT_FAULT:
        raise Problem("unprocessable", json.loads(done.stdout)["error"])
    if done.returncode != 0:
        log("error", "The conversion failed", {"status": done.returncode, "said": done.stderr[-4000:]})
        if done.returncode == -signal.SIGKILL:
            raise Problem("unavailable", "Cannot convert graph: the conversion was killed, which may be memory", 5)
        raise Problem("internal", "Cannot convert graph: an unexpected error, see the log of the function")


def log(level: str, message: str, facts: dict | None = None) -> None:
    print(json.dumps({"level": level, "name": "converter", **(facts or {}), "msg": message}), flush=True)


def main() -> None:
    settings = Settings(os.environ)
    if not (settings.secrets / "box-api-key").is_file():
        log("error", "Cannot start: the secret box-api-key must be in the folder of secrets")
        sys.exit(1)
    server = Server(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    log("info", "listening", {"port": server.server_port})
    log("info", "ready")
    server.serve_forever()
    server.drain()


if __name__ == "__main__":
    main()
