"""StreamDataset against a running function; the same environment as tests/live/test_live.py."""

import os
import unittest
from typing import Any, List

import torch
from torch.utils.data import DataLoader

from thebox.torch import StreamDataset

URL, KEY, DATASET = (os.environ[name] for name in ("BOX_SENSORY_URL", "BOX_API_KEY", "BOX_DATASET"))


def dataset(**options: Any) -> StreamDataset:
    return StreamDataset(URL, KEY, dataset=DATASET, batch_size=8, seed=1, **options)


def rows(items: Any) -> List[bytes]:
    return [sample.numpy().tobytes() for data, *_ in items for sample in data]


class Datasets(unittest.TestCase):
    def test_tensors(self) -> None:
        data, labels = next(iter(dataset()))
        self.assertEqual((data.dtype, data.shape), (torch.uint8, (8, 8, 8)))
        self.assertEqual((labels.dtype, labels.shape), (torch.int64, (8,)))
        numbers = data[:, 0, 0].long() + 256 * data[:, 0, 1].long()
        self.assertTrue(torch.equal(labels, numbers % 3))

    def test_workers_of_a_loader_share_an_epoch(self) -> None:
        whole = rows(DataLoader(dataset(), batch_size=None))
        shared = rows(DataLoader(dataset(), batch_size=None, num_workers=2))
        self.assertEqual(sorted(shared), sorted(whole))
        self.assertEqual(len(set(whole)), len(whole))

    def test_processes_share_an_epoch(self) -> None:
        whole = rows(dataset())
        shares = [rows(DataLoader(dataset(rank=rank, world_size=2), batch_size=None, num_workers=2)) for rank in (0, 1)]
        self.assertEqual(sorted(shares[0] + shares[1]), sorted(whole))

    def test_it_goes_on_from_a_state(self) -> None:
        whole = rows(dataset(noise=0.5))
        left = dataset(noise=0.5)
        items = iter(left)
        first = rows(next(items) for _ in range(4))
        resumed = dataset(noise=0.5)
        resumed.load_state_dict(left.state_dict())
        self.assertEqual(first + rows(resumed), whole)

    def test_it_goes_on_from_what_was_trained_on_though_workers_ran_ahead(self) -> None:
        whole = rows(dataset())
        left = dataset(states=True)
        seen: List[bytes] = []
        for number, (data, labels, state) in enumerate(DataLoader(left, batch_size=None, num_workers=2)):
            seen += rows([(data, labels)])
            left.load_state_dict(state)
            if number == 4:
                break
        resumed = dataset(states=True)
        resumed.load_state_dict(left.state_dict())
        resumed.set_epoch(resumed.epoch)
        rest = rows(DataLoader(resumed, batch_size=None, num_workers=2))
        self.assertEqual(sorted(seen + rest), sorted(whole))
        self.assertEqual(len(rest), len(whole) - len(seen))

    def test_epochs_differ_and_may_be_gone_through_again(self) -> None:
        one = dataset()
        first = rows(one)
        self.assertEqual(rows(one), first)
        one.set_epoch(1)
        self.assertNotEqual(rows(one), first)


if __name__ == "__main__":
    unittest.main()
