"""Masks of selected features."""

import numpy as np
import pytest

from ferflow.core.errors import DataError
from ferflow.core.masks import load_mask, save_mask, select_columns

MASK = np.array([True, False, True])


def test_a_mask_comes_back_as_it_was_saved(tmp_path):
    save_mask(tmp_path / "mask.npy", MASK)
    loaded = load_mask(tmp_path / "mask.npy")
    assert loaded.dtype == np.bool_
    assert loaded.tolist() == MASK.tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["mask.npy"]


def test_columns_are_selected_in_order():
    x = np.arange(6).reshape(2, 3)
    assert select_columns(x, MASK).tolist() == [[0, 2], [3, 5]]


def test_selected_columns_lie_row_by_row():
    assert select_columns(np.arange(6).reshape(2, 3), MASK).flags.c_contiguous


def test_images_are_flattened_row_by_row():
    images = np.arange(8).reshape(2, 2, 2)
    assert select_columns(images, np.array([False, True, True, False])).tolist() == [[1, 2], [5, 6]]


def test_a_mask_that_keeps_all_copies_nothing():
    x = np.arange(6).reshape(2, 3)
    assert np.shares_memory(select_columns(x, np.ones(3, dtype=bool)), x)


def test_rows_of_another_width_are_refused():
    with pytest.raises(DataError, match="the mask is for 3 features; these rows have 4"):
        select_columns(np.zeros((2, 4)), MASK)


def test_no_rows_give_no_rows():
    assert select_columns(np.zeros((0, 3)), MASK).shape == (0, 2)


def test_a_missing_mask_is_named(tmp_path):
    with pytest.raises(DataError, match=r"mask\.npy is not here"):
        load_mask(tmp_path / "mask.npy")


@pytest.mark.parametrize(
    "array",
    [np.zeros(3, dtype=bool), np.ones((2, 2), dtype=bool), np.ones(3), np.array([], dtype=bool)],
    ids=["keeps nothing", "two axes", "floats", "empty"],
)
def test_an_array_that_is_no_mask_is_refused(tmp_path, array):
    np.save(tmp_path / "mask.npy", array)
    with pytest.raises(DataError, match=r"mask\.npy is not a mask"):
        load_mask(tmp_path / "mask.npy")


def test_a_mask_that_holds_objects_is_refused(tmp_path):
    np.save(tmp_path / "mask.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"mask\.npy is not a mask"):
        load_mask(tmp_path / "mask.npy")


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04"], ids=["empty", "text", "zip"])
def test_a_file_that_is_no_array_is_refused(tmp_path, content):
    (tmp_path / "mask.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"mask\.npy is not a mask"):
        load_mask(tmp_path / "mask.npy")


def test_an_archive_of_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "masks.npz", mask=MASK)
    with pytest.raises(DataError, match=r"masks\.npz is not a mask"):
        load_mask(tmp_path / "masks.npz")


def test_a_mask_cut_anywhere_is_refused(tmp_path):
    save_mask(tmp_path / "mask.npy", MASK)
    content = (tmp_path / "mask.npy").read_bytes()
    for length in (7, 40, len(content) - 1):
        (tmp_path / "mask.npy").write_bytes(content[:length])
        with pytest.raises(DataError, match=r"mask\.npy is not a mask"):
            load_mask(tmp_path / "mask.npy")
