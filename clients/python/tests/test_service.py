import http.server
import json
import pickle
import threading
import unittest
from typing import Dict, List, Tuple

from thebox import Service, TheBoxError, stream
from thebox._http import Busy, Tries

Answer = Tuple[int, Dict[str, str], bytes]


class Server:
    """A server that gives one prepared answer after the other."""

    def __init__(self, *answers: Answer) -> None:
        self.asked: List[Tuple[str, str, str]] = []
        left = list(answers)
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                asked.append((self.command, self.path, self.headers.get("Authorization", "")))
                status, headers, body = left.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def problem(status: int, code: str, detail: str) -> Answer:
    return status, {"Content-Type": "application/problem+json"}, json.dumps({"code": code, "detail": detail}).encode()


class Calls(unittest.TestCase):
    def test_a_refusal_has_the_words_of_the_service(self) -> None:
        with Server(problem(400, "invalid_argument", "Cannot read split: no")) as server:
            with self.assertRaises(TheBoxError) as caught:
                next(stream(server.url, "k", split="none"))
        self.assertEqual(str(caught.exception), "Cannot read split: no")
        self.assertEqual((caught.exception.code, caught.exception.status), ("invalid_argument", 400))
        self.assertEqual(len(server.asked), 1)

    def test_a_busy_service_is_asked_again_with_the_key(self) -> None:
        busy = problem(503, "unavailable", "Cannot now")
        with Server(busy, busy, (200, {}, b'{"a": 1}')) as server:
            self.assertEqual(Service(server.url + "/", "k").json("GET", "/x"), {"a": 1})
        self.assertEqual(server.asked, [("GET", "/x", "Bearer k")] * 3)

    def test_an_answer_that_was_cut_off_is_fetched_again(self) -> None:
        with Server((200, {"Content-Length": "5"}, b"ab"), (200, {"Content-Length": "5"}, b"abcde")) as server:
            self.assertEqual(Service(server.url, "k").fetch("/x"), b"abcde")

    def test_it_gives_up_after_the_retries(self) -> None:
        with Server(*[(502, {}, b"bad gateway")] * 3) as server:
            with self.assertRaisesRegex(TheBoxError, "the service answered 502 bad gateway"):
                Service(server.url, "k", retries=2).fetch("/x")

    def test_a_change_is_not_tried_again(self) -> None:
        with Server(problem(503, "unavailable", "Cannot now")) as server, self.assertRaises(TheBoxError):
            Service(server.url, "k").json("POST", "/x", {})
        self.assertEqual(len(server.asked), 1)

    def test_the_key_does_not_follow_a_redirect(self) -> None:
        with Server() as other, Server((302, {"Location": other.url}, b"")) as server:
            with self.assertRaises(TheBoxError) as caught:
                Service(server.url, "k").fetch("/x")
            self.assertEqual(caught.exception.status, 302)
        self.assertEqual(other.asked, [])

    def test_nobody_there(self) -> None:
        with Server() as server:
            url = server.url
        with self.assertRaisesRegex(TheBoxError, "Cannot reach http://127.0.0.1") as caught:
            Service(url, "k", retries=1).fetch("/x")
        self.assertEqual(caught.exception.code, "unavailable")

    def test_it_travels_to_another_process(self) -> None:
        with Server((200, {}, b"{}")) as server:
            pickle.loads(pickle.dumps(Service(server.url, "k"))).json("GET", "/x")
        self.assertEqual(server.asked, [("GET", "/x", "Bearer k")])

    def test_bad_arguments(self) -> None:
        for arguments in ({"url": "gateway"}, {"epochs": 0}, {"cursor": "c", "seed": 1}):
            with self.subTest(arguments), self.assertRaises(ValueError):
                stream(**{"url": "http://x", "key": "k", **arguments})


class Pauses(unittest.TestCase):
    def test_they_grow_obey_the_service_and_begin_anew_after_progress(self) -> None:
        pauses: List[float] = []
        tries = Tries(12, pauses.append)
        for _ in range(10):
            tries.failed(ValueError())
        for number, pause in enumerate(pauses):
            longest = min(10.0, 0.1 * 2**number)
            self.assertTrue(longest / 2 <= pause <= longest, pauses)
        tries.failed(Busy("", "unavailable", 503, 30.0))
        self.assertEqual(pauses[-1], 30.0)
        tries.progress()
        tries.failed(ValueError())
        self.assertLessEqual(pauses[-1], 0.1)

    def test_they_end(self) -> None:
        tries = Tries(1, lambda _: None)
        tries.failed(ValueError("one"))
        with self.assertRaisesRegex(ValueError, "two"):
            tries.failed(ValueError("two"))


if __name__ == "__main__":
    unittest.main()
