"""Which edition of FER-2013's pixels a data set holds is told by sixteen images."""

import numpy as np

from ferflow.download import editions
from ferflow.download.editions import edition_of
from ferflow.fer2013.table import pixel_hash


def test_an_edition_is_known_by_most_of_its_images(monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 48, 48), dtype=np.uint8)
    known = " ".join(pixel_hash(image) for image in images[4:20])
    monkeypatch.setattr(editions, "_KNOWN", {"ours": known})
    assert edition_of(images[::-1]) == "ours"
    assert edition_of(images[6:]) == "ours"
    assert edition_of(images[7:]) is None
    changed = images.copy()
    changed[4:, 0, 0] ^= 1
    assert edition_of(changed) is None
    assert edition_of(images[:0]) is None


def test_every_edition_has_sixteen_images_of_its_own():
    lists = [hashes.split() for hashes in editions._KNOWN.values()]
    assert [len(set(hashes)) for hashes in lists] == [16, 16]
    assert not set(lists[0]) & set(lists[1])


def test_drawn_faces_are_of_no_edition(read_splits, zip_of_faces):
    images = np.concatenate([split.x for split in read_splits(zip_of_faces).values()])
    assert edition_of(images) is None
