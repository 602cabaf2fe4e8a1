"""Changed copies of training images."""

import numpy as np

from ferflow.data.augment import AugmentParams, augment

FLIP = AugmentParams(copies=["horizontal_flip"])


def test_the_originals_come_first_unchanged(make_split, same_split):
    split = make_split()
    same_split(augment(split, FLIP).take(np.arange(len(split))), split)


def test_a_flip_mirrors_left_and_right(make_split):
    split = make_split()
    flipped = augment(split, FLIP).x[len(split) :]
    assert np.array_equal(flipped[:, :, 0], split.x[:, :, -1])
    assert np.array_equal(flipped[:, :, ::-1], split.x)


def test_a_copy_keeps_its_source_and_class_and_says_what_was_done(make_split):
    split = make_split()
    augmented = augment(split, FLIP)
    copies = augmented.take(~augmented.original)
    assert len(copies) == len(split)
    assert set(copies.transform) == {"horizontal_flip"}
    assert np.array_equal(copies.source_id, split.source_id)
    assert np.array_equal(copies.y, split.y)


def test_no_copies_means_no_change(make_split, same_split):
    same_split(augment(make_split(), AugmentParams(copies=[])), make_split())
