"""What needs numpy."""

import struct
import unittest

import numpy

from thebox._frames import Batch, Header

HEADER = Header("x", 3, 2, ["a", "b"])


def batch(count: int) -> Batch:
    labels = bytearray(struct.pack(f"<{count}i", *range(count)))
    return Batch(HEADER, 0, 0, "c", count, labels, bytearray(i % 256 for i in range(6 * count)))


class Arrays(unittest.TestCase):
    def test_pixels_and_labels(self) -> None:
        two = batch(2)
        self.assertEqual((two.data.dtype, two.data.shape), (numpy.uint8, (2, 2, 3)))
        self.assertEqual(two.data[1].tolist(), [[6, 7, 8], [9, 10, 11]])
        self.assertEqual((two.labels.dtype, two.labels.tolist()), (numpy.int32, [0, 1]))

    def test_they_may_be_changed_in_place(self) -> None:
        one = batch(1)
        one.data[0, 0, 0] = 99
        self.assertEqual(one.pixel_bytes[0], 99)

    def test_a_batch_without_samples(self) -> None:
        self.assertEqual((batch(0).data.shape, batch(0).labels.shape), ((0, 2, 3), (0,)))


if __name__ == "__main__":
    unittest.main()
