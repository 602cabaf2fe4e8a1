"""The stage `download`: with which defects drawn faces are handed on, and where that is said."""

import numpy as np
import pandas as pd
import pytest

from ferflow.core.split import SPLITS, load_split
from ferflow.download.drawn.defects import COLUMNS
from ferflow.download.sources import draw_data_set
from ferflow.settings.presets import use
from stages import download


@pytest.fixture
def run(workplace):
    """Run the stage with settings: (name -> split, the table of defects)."""

    def run(preset, **settings):
        use(preset, {f"data.{key}": value for key, value in settings.items()})
        download.main(workplace / "raw", workplace / "data.json")
        table = pd.read_csv(workplace / "raw/defects.csv", keep_default_na=False)
        return {name: load_split(workplace / f"raw/{name}.safetensors") for name in SPLITS}, table

    return run


def test_drawn_faces_come_with_defects_and_their_list(run):
    splits, table = run("quickstart", n_synthetic=200)
    assert list(table.columns) == COLUMNS
    assert set(table["split"]) == set(SPLITS)
    ids = {name: set(split.source_id) for name, split in splits.items()}
    for row in table.itertuples():
        assert row.source_id in ids[row.split]
        assert row.twin_of == "" or row.twin_of in ids[row.twin_split]


def test_without_defects_the_faces_are_as_drawn_and_the_list_is_empty(run):
    splits, table = run("quickstart", n_synthetic=200, defects=False)
    assert list(table.columns) == COLUMNS and table.empty
    for name, drawn in draw_data_set(200, seed=0).items():
        assert np.array_equal(splits[name].x, drawn.x)


def test_the_list_says_where_the_images_lie_after_a_new_split(run):
    splits, table = run("quickstart", n_synthetic=400, split="fraction")
    ids = {name: set(split.source_id) for name, split in splits.items()}
    exact = table[table["defect"] == "exact_duplicate"]
    assert len(exact) > 3
    for row in exact.itertuples():
        assert row.source_id in ids[row.split]
        assert row.twin_of in ids[row.twin_split]
    assert (exact["split"] == exact["twin_split"]).all()  # a new split keeps twins on one side


def test_photographs_get_no_defects(run, zip_of_faces, face_files):
    splits, table = run("mobilenet-aco-rf", path=str(zip_of_faces))
    assert list(table.columns) == COLUMNS and table.empty
    assert sum(map(len, splits.values())) == len(face_files)
    assert np.ptp(splits["train"].x, axis=(1, 2)).min() > 0
