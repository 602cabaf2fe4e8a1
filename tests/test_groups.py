"""The column `group` of split files: it goes wherever a row goes."""

from dataclasses import replace

import numpy as np
import pytest

from ferflow.augment.copies import augment
from ferflow.augment.params import AugmentParams
from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance
from ferflow.core.split import load_split, save_split, split_writer


@pytest.fixture
def persons(make_split):
    """Six images of two classes, each of a person of its own."""
    return replace(
        make_split(y=[0, 0, 0, 0, 1, 1], labels=("a", "b")),
        group=np.array(["S1", "S2", "S3", "S4", "S5", "é6"]),
    )


def test_without_groups_nobody_is_known(make_split):
    assert make_split().group.tolist() == [""] * 6


def test_columns_of_different_lengths_are_refused(make_split):
    for column in ("x", "y", "source_id", "transform"):
        with pytest.raises(ValueError, match="differ in length"):
            replace(make_split(), **{column: getattr(make_split(), column)[:-1]})
    with pytest.raises(ValueError, match="differ in length"):
        replace(make_split(), group=np.array(["S1"]))


def test_groups_are_stored_and_follow_a_choice_of_rows(tmp_path, persons, same_split):
    save_split(tmp_path / "split", persons)
    same_split(load_split(tmp_path / "split"), persons)
    assert persons.take(np.array([5, 0])).group.tolist() == ["é6", "S1"]
    assert persons.take(slice(1, 3)).group.tolist() == ["S2", "S3"]


@pytest.mark.parametrize("shape", [(48, 48), (5,), (3_000_000,)], ids=str)
def test_a_split_is_the_same_file_written_whole_or_piece_by_piece(tmp_path, make_split, shape):
    """The last shape's rows are larger than a third of what is written at a time."""
    split = make_split(shape=shape)
    save_split(tmp_path / "whole", split)
    with split_writer(tmp_path / "pieces", split, shape, split.x.dtype) as x:
        x[:] = split.x
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


def test_a_changed_copy_keeps_its_person(persons):
    copies = augment(persons, AugmentParams(copies=["horizontal_flip"], fill_rare="none"), seed=0)
    assert copies.group.tolist() == [*persons.group, *persons.group]


def test_a_repeated_row_keeps_its_person_and_a_mixture_has_none(persons):
    repeated = balance(persons, BalanceParams(method="random_oversampling", k_neighbors=1), seed=0)
    persons_of = dict(zip(persons.source_id, persons.group, strict=True))
    assert repeated.group.tolist() == [persons_of[source] for source in repeated.source_id]
    mixed = balance(persons, BalanceParams(method="smote", k_neighbors=1), seed=0)
    assert mixed.group.tolist() == [*persons.group, "", ""]
