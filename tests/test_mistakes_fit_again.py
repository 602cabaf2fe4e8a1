"""What a mistake fits anew gets copies, filled-up classes and features as in the honest chain."""

from dataclasses import replace

import numpy as np
import pytest
from noise_chain import HONEST, LABELS, ROOT, augment_params, flat, noise_chain

from ferflow.augment.copies import augment
from ferflow.core.errors import FerflowError
from ferflow.core.face_shape import GREY_48, FaceShape
from ferflow.core.params import read_yaml
from ferflow.core.split import SPLITS, Split
from ferflow.features.extraction import extract_features, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.runs.mistakes import run as run_mistake
from ferflow.runs.mistakes.by_name import MISTAKES
from ferflow.runs.mistakes.honest_chain import HonestChain
from stages import mistake


@pytest.fixture
def chain(make_split):
    return noise_chain(make_split)


def as_augmented(chain, *copies, fill_rare="none"):
    """The chain with a stage `augment`: its training rows hold copies of the images."""
    params = augment_params(*copies, fill_rare=fill_rare)
    images = augment(chain.images("train"), params, seed=chain.seed)
    train = replace(images, x=chain.extract(images.x))
    return replace(chain, features=chain.features | {"train": train}, augment_params=params)


def fitted_rows(chain, name, monkeypatch):
    """The training rows of a mistake's first fit."""
    handed = []
    fit = HonestChain.fit
    monkeypatch.setattr(
        HonestChain, "fit", lambda c, train, val: handed.append(train) or fit(c, train, val)
    )
    MISTAKES[name](chain)
    return handed[0]


def test_training_rows_are_augmented_as_in_the_honest_chain(chain, same_split):
    there = as_augmented(
        chain, {"rotation_degrees": 10}, "horizontal_flip", fill_rare="crop_pad_flip"
    )
    same_split(there.augmented(there.original("train")), there.features["train"])


def test_a_chain_without_copies_opens_no_image(chain):
    def refuse(_):
        raise AssertionError

    closed = replace(chain, images=refuse, extract=refuse)
    train = chain.original("train")
    assert closed.augmented(train) is train
    for name in set(MISTAKES) - {"augment_before_split", "modified_test"}:
        MISTAKES[name](closed)


def test_copies_are_made_of_the_rows_own_images_and_mirror_images(chain):
    rows = {name: replace(chain.images(name), x=flat(chain.images(name).x)) for name in SPLITS}
    pixels = replace(
        chain, features=rows, extract=flat, augment_params=augment_params({"scale_factor": 1})
    )
    mirrored = [pixels.mirrored(name) for name in SPLITS]
    mixed = Split.join([pixels.original(*SPLITS), *mirrored])
    some = mixed.take(np.random.default_rng(0).permutation(len(mixed))[:300])
    made = pixels.augmented(some)
    assert np.array_equal(made.x[300:], some.x), "a scale of 1 changes nothing"
    assert np.array_equal(made.y[300:], some.y)
    assert set(made.transform[300:]) == {"scale_factor 1"}


SPLIT_ANEW = ("augment_before_split", "random_resplit", "score_on_merged_validation")


@pytest.mark.parametrize("name", [*SPLIT_ANEW, "select_on_test"])
def test_what_is_fitted_anew_holds_a_copy_of_each_of_its_images(chain, name, monkeypatch):
    plain = fitted_rows(chain, name, monkeypatch)
    train = fitted_rows(as_augmented(chain, {"turn_degrees": 90}), name, monkeypatch)
    copies = train.take(train.transform == "turn_degrees 90")
    assert len(train) == 2 * len(plain), "not more rows of any other kind"
    assert np.array_equal(train.x[: len(plain)], plain.x)
    assert np.array_equal(copies.source_id, plain.source_id), "each of its images, no other"
    assert np.array_equal(copies.y, plain.y)


@pytest.mark.parametrize("name", [*SPLIT_ANEW, "select_on_test"])
def test_rare_classes_are_filled_up_after_the_split(chain, name, monkeypatch):
    keep = {n: (s.y == 0) | (np.arange(len(s)) % 3 == 0) for n, s in chain.features.items()}
    rare = replace(
        chain,
        features={n: s.take(keep[n]) for n, s in chain.features.items()},
        images=lambda n: chain.images(n).take(keep[n]),
    )
    train = fitted_rows(as_augmented(rare, fill_rare="crop_pad_flip"), name, monkeypatch)
    assert len(set(train.class_counts().values())) == 1
    copies = train.transform == "crop_pad_flip"
    assert copies.any()
    assert set(train.source_id[copies]) <= set(train.source_id[~copies])


def test_rows_of_smote_are_not_copied_and_leave_no_class_to_fill_up(chain, monkeypatch):
    keep = (chain.features["train"].y == 0) | (np.arange(350) % 3 == 0)
    rare = replace(
        chain,
        features=chain.features | {"train": chain.features["train"].take(keep)},
        images=lambda n: chain.images(n).take(keep if n == "train" else slice(None)),
    )
    name = "resample_before_split"
    plain = fitted_rows(rare, name, monkeypatch)
    there = as_augmented(rare, {"turn_degrees": 90}, fill_rare="crop_pad_flip")
    train = fitted_rows(there, name, monkeypatch)
    assert (plain.transform == "smote").any()
    assert np.array_equal(train.x[: len(plain)], plain.x)
    assert set(train.transform[len(plain) :]) == {"turn_degrees 90"}
    assert np.array_equal(train.source_id[len(plain) :], plain.source_id[plain.original])


@pytest.mark.parametrize("method", ["pixels", "hog"])
def test_changed_images_become_the_features_of_the_chain(method, make_split, monkeypatch):
    defaults = read_yaml(ROOT / "presets/defaults.yaml")["features"]
    params = FeaturesParams.model_validate(defaults | {"method": method})
    monkeypatch.setattr(mistake, "load_params", lambda *_: params)
    x = make_split().x
    for face, images in ((GREY_48, x), (FaceShape(48, "rgb"), np.stack([x, x // 2, x], axis=3))):
        extractor = make_extractor(params, face)
        wanted = images if method == "pixels" else extract_features(images, extractor)
        assert np.array_equal(mistake.extract(face, images), wanted)


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        (HONEST, ""),
        (
            HONEST | {"features": {"method": "hog"}},
            " Features of changed images are extracted for modified_test.",
        ),
    ],
)
def test_what_is_extracted_anew_is_told_beforehand(meta, told, monkeypatch):
    monkeypatch.setattr(run_mistake, "_honest", lambda: (meta, LABELS))
    names = ["swap_val_test", "modified_test"]
    assert run_mistake.cost_text(names) == "only scored again: seconds." + told


@pytest.mark.usefixtures("workplace")
def test_a_project_of_ones_own_is_told_where_mistakes_are_made():
    with pytest.raises(FerflowError, match="is not here: mistakes are made in a clone"):
        run_mistake.bring_honest_chain_up_to_date(None)
