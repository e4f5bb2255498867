"""The client against a running function.

It needs a dataset of pictures of 8x8 whose first three bytes are a number n of its own, in the category of n modulo 3:

    BOX_SENSORY_URL, BOX_API_KEY, BOX_DATASET    where it is
    BOX_CUT_URL                                  the same through connections that are cut every few kilobytes
"""

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

import thebox
from thebox._epoch_feed import EpochFeed

URL, CUT, KEY, DATASET = (os.environ[name] for name in ("BOX_SENSORY_URL", "BOX_CUT_URL", "BOX_API_KEY", "BOX_DATASET"))
PIXELS = 64

Samples = List[Tuple[int, bytes]]


def samples(batches: Iterable[thebox.Batch]) -> Samples:
    """Label and pixels of each."""
    found: Samples = []
    for batch in batches:
        for i in range(len(batch)):
            label = int.from_bytes(batch.label_bytes[4 * i : 4 * i + 4], "little")
            found.append((label, bytes(batch.pixel_bytes[PIXELS * i : PIXELS * (i + 1)])))
    return found


def numbers(found: Samples) -> List[int]:
    return [int.from_bytes(pixels[:3], "little") for _, pixels in found]


def feed(url: str = URL, **options: Any) -> thebox.Stream:
    options.setdefault("batch_size", 16)
    if "cursor" not in options:
        options.setdefault("dataset", DATASET)
    return thebox.stream(url, KEY, **options)


class Streams(unittest.TestCase):
    def test_an_epoch_has_every_sample_once_with_its_label(self) -> None:
        found = samples(feed(seed=1))
        self.assertEqual(sorted(numbers(found)), list(range(len(found))))
        self.assertGreater(len(found), 50)
        for label, pixels in found:
            self.assertEqual(label, int.from_bytes(pixels[:3], "little") % 3)

    def test_connections_that_break_change_nothing(self) -> None:
        options: Dict[str, Any] = {"seed": "s", "epochs": 3, "noise": 0.5}
        batches = list(feed(CUT, **options))
        self.assertEqual(samples(batches), samples(feed(**options)))
        self.assertEqual({batch.epoch for batch in batches}, {0, 1, 2})

    def test_a_cursor_goes_on_exactly_there_in_batches_of_any_size(self) -> None:
        whole = samples(feed(seed=2, noise=0.5, batch_size=7))
        with feed(seed=2, noise=0.5, batch_size=7) as left:
            first = [next(left), next(left), next(left)]
        self.assertEqual(left.cursor, first[-1].cursor)
        rest = feed(cursor=left.cursor, batch_size=10)
        self.assertEqual(samples(first) + samples(rest), whole)

    def test_it_ends_before_the_epoch_that_until_names(self) -> None:
        epochs = [batch.epoch for batch in feed(epoch=1, until=3)]
        self.assertEqual(set(epochs), {1, 2})
        last = list(feed(epoch=1))[-1]
        self.assertEqual(list(feed(cursor=last.cursor, until=2)), [])

    def test_a_stream_without_end_goes_on(self) -> None:
        with feed(epochs=None, batch_size=1000) as endless:
            self.assertEqual([next(endless).epoch for _ in range(4)], [0, 1, 2, 3])

    def test_workers_share_an_epoch_also_when_there_are_more_than_samples(self) -> None:
        whole = sorted(numbers(samples(feed(seed=3))))
        for workers in (3, len(whole) + 2):
            chosen = range(workers) if workers == 3 else (0, len(whole) - 1, len(whole), len(whole) + 1)
            shares = [numbers(samples(feed(seed=3, worker=worker, workers=workers))) for worker in chosen]
            if workers == 3:
                self.assertEqual(sorted(sum(shares, [])), whole)
            else:
                self.assertEqual([len(share) for share in shares], [1, 1, 0, 0])

    def test_what_the_service_refuses_is_told_in_its_words(self) -> None:
        with self.assertRaisesRegex(thebox.TheBoxError, "^Cannot read split: it must be one of") as caught:
            next(feed(split="half"))
        self.assertEqual(caught.exception.status, 400)
        with self.assertRaises(thebox.TheBoxError) as caught:
            next(thebox.stream(URL, "another key"))
        self.assertEqual(caught.exception.status, 403)


class Feeds(unittest.TestCase):
    def setUp(self) -> None:
        self.service = thebox.Service(URL, KEY)
        snapshot = thebox.current_snapshot(self.service, DATASET)
        self.query = {"dataset": DATASET, "snapshot": snapshot, "seed": "f", "noise": 0.5}

    def open(self) -> EpochFeed:
        return EpochFeed(self.service, self.query, 9)

    def test_each_epoch_has_every_sample_and_another_order(self) -> None:
        one = self.open()
        first = samples(one.batches(0, 1))
        self.assertEqual(samples(one.batches(0, 1)), first)
        one.set_epoch(1)
        second = samples(one.batches(0, 1))
        self.assertEqual(len(second), len(first))
        self.assertNotEqual(second, first)

    def test_workers_that_end_anywhere_go_on_from_states_that_were_put_together(self) -> None:
        whole = [samples(self.open().batches(worker, 2)) for worker in (0, 1)]
        main, found = self.open(), []
        for worker, count in ((0, 2), (1, 4)):
            copy = self.open()
            batches = copy.batches(worker, 2)
            found.append(samples(next(batches) for _ in range(count)))
            main.load(copy.state())
        again = self.open()
        again.load(main.state())
        again.set_epoch(0)
        resumed = self.open()
        resumed.load(again.state())
        for worker, feed_ in ((0, again), (1, resumed)):
            self.assertEqual(found[worker] + samples(feed_.batches(worker, 2)), whole[worker])

    def test_a_state_of_other_workers_is_refused_until_the_next_epoch(self) -> None:
        one = self.open()
        next(one.batches(0, 1))
        other = self.open()
        other.load(one.state())
        with self.assertRaisesRegex(ValueError, "the state is of 1 workers, got 2"):
            next(other.batches(0, 2))
        other.set_epoch(1)
        self.assertEqual(next(other.batches(0, 2)).epoch, 1)


class Orders(unittest.TestCase):
    def test_an_order_comes_as_files_with_the_samples_of_the_stream(self) -> None:
        seen: List[int] = []
        placed = thebox.order(URL, KEY, dataset=DATASET, seed=1, size=50, file_samples=20, format="stream")
        with tempfile.TemporaryDirectory() as folder:
            paths = placed.download(folder, timeout=60, on_progress=lambda order: seen.append(order.done))
            self.assertEqual([path.name for path in paths], [f"shard.0000{i}.tbx" for i in range(3)])
            found: Samples = []
            for path in paths:
                found += samples(thebox.read_file(path))
            self.assertEqual(found, samples(feed(seed=1))[:50])
            times = [path.stat().st_mtime_ns for path in paths]
            again = thebox.find_order(URL, KEY, placed.id).download(folder)
            self.assertEqual([path.stat().st_mtime_ns for path in again], times)
        self.assertEqual((placed.state, placed.done, seen[-1]), ("done", 50, 50))

    def test_an_order_of_mds_brings_its_index(self) -> None:
        placed = thebox.order(URL, KEY, dataset=DATASET, size=10, format="mds").wait(timeout=60)
        with tempfile.TemporaryDirectory() as folder:
            names = [path.name for path in placed.download(Path(folder) / "new")]
        self.assertEqual(names, ["index.json", "shard.00000.mds"])

    def test_a_cancelled_order_is_not_waited_for(self) -> None:
        placed = thebox.order(URL, KEY, dataset=DATASET, size=10)
        placed.cancel()
        with self.assertRaisesRegex(thebox.TheBoxError, "it is cancelled"):
            placed.refresh().wait()


if __name__ == "__main__":
    unittest.main()
