import io
import json
import struct
import unittest

from thebox._errors import CorruptStream
from thebox._frames import Batch, CutOff, End, read_frames


def padded(value: bytes, fill: bytes = b" ") -> bytes:
    return value + fill * (-len(value) % 8)


def header(**changes: object) -> bytes:
    facts = {"name": "x", "width": 3, "height": 2, "channels": 1, "dtype": "uint8", "categories": ["a", "b"], **changes}
    text = padded(json.dumps(facts).encode())
    return b"TBXSTRM1" + struct.pack("<II", len(text), 0) + text


def frame(kind: bytes, count: int, facts: dict, labels: bytes = b"", pixels: bytes = b"") -> bytes:
    text = padded(json.dumps(facts).encode())
    head = struct.pack("<4sIIIQ", kind, count, len(text), len(labels), len(pixels))
    return head + text + padded(labels, b"\0") + padded(pixels, b"\0")


BATCH = frame(b"BTCH", 1, {"epoch": 4, "position": 7, "cursor": "c"}, struct.pack("<i", 1), bytes(range(6)))
ENDS = frame(b"ENDS", 0, {"cursor": "d", "ended": True})


class Frames(unittest.TestCase):
    def test_batches_then_the_end(self) -> None:
        one, two, end = read_frames(io.BytesIO(header() + BATCH + BATCH + ENDS))
        assert isinstance(one, Batch) and isinstance(two, Batch) and isinstance(end, End)
        self.assertEqual((one.epoch, one.position, one.cursor, len(one)), (4, 7, "c", 1))
        self.assertEqual(one.categories, ["a", "b"])
        self.assertEqual(one.label_bytes, struct.pack("<i", 1))
        self.assertEqual(one.pixel_bytes, bytes(range(6)))
        self.assertEqual(two.pixel_bytes, bytes(range(6)))
        self.assertEqual((end.cursor, end.ended), ("d", True))

    def test_a_cut_at_any_byte_is_noticed(self) -> None:
        whole = header() + BATCH + ENDS
        for length in range(len(whole)):
            with self.subTest(length=length), self.assertRaises(CutOff):
                list(read_frames(io.BytesIO(whole[:length])))

    def test_what_is_no_stream_is_refused(self) -> None:
        lying = frame(b"BTCH", 2, {"epoch": 0, "position": 0, "cursor": "c"}, struct.pack("<ii", 0, 1), bytes(6))
        for title, content in {
            "text": b"<html>no stream at all</html>",
            "another type of samples": header(dtype="float32"),
            "a header without a width": b"TBXSTRM1" + struct.pack("<II", 16, 0) + b'{"dtype":"uint8"',
            "an unknown frame": header() + frame(b"WHAT", 0, {}),
            "a length of gigabytes": header() + struct.pack("<4sIIIQ", b"BTCH", 1, 0xFFFFFFFF, 4, 6),
            "fewer pixels than samples": header() + lying,
            "an end that does not say whether it is one": header() + frame(b"ENDS", 0, {}),
            "a batch without a position": header() + frame(b"BTCH", 0, {"epoch": 0}),
        }.items():
            with self.subTest(title), self.assertRaises(CorruptStream):
                list(read_frames(io.BytesIO(content)))


if __name__ == "__main__":
    unittest.main()
