"""Paper 3's presets: the machine on FER-2013's layout, and on CK+48's, split by subject."""

import cv2
import numpy as np
import pytest

from ferflow.core.errors import ParamError
from ferflow.core.params import load_params, load_seed
from ferflow.download.drawn.synthetic import draw_face
from ferflow.download.labels import CKPLUS_LABELS
from ferflow.download.params import DataParams
from ferflow.download.sources import load_data
from ferflow.features.extraction import extract_features, make_extractor
from ferflow.features.params import FeaturesParams
from ferflow.settings.presets import use
from ferflow.training.shared.family import family_module
from ferflow.training.shared.fitting import TrainingData
from ferflow.training.shared.params import load_family

pytestmark = pytest.mark.usefixtures("workplace")

DRAWN_AS = {"anger": "angry", "sadness": "sad"}
N_SUBJECTS, N_FRAMES = 15, 3


@pytest.fixture(scope="module")
def ckplus(tmp_path_factory):
    """Drawn people in CK+48's layout: every class of everybody, three frames that hardly differ."""
    folder = tmp_path_factory.mktemp("data") / "CK+48"
    for number, label in enumerate(CKPLUS_LABELS):
        (folder / label).mkdir(parents=True)
        for subject in range(N_SUBJECTS):
            rng = np.random.default_rng([subject])
            face = draw_face(DRAWN_AS.get(label, label), rng)
            for frame in range(N_FRAMES):
                name = f"S{subject + 10:03d}_{number:03d}_{frame + 1:08d}.png"
                shade = np.clip(face.astype(int) + 2 * frame, 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / label / name), shade)
    return folder


def splits_with_features():
    """The chain's first stages: split name -> rows of features."""
    params = load_params("features", FeaturesParams)
    extractor = make_extractor(params)
    splits = load_data(load_params("data", DataParams), load_seed()).splits
    return {
        name: type(split)(
            extract_features(split.x, extractor),
            split.y,
            split.source_id,
            split.transform,
            split.labels,
            split.meta,
            split.group,
        )
        for name, split in splits.items()
    }


def test_ckplus_is_split_by_subject_and_learnt(ckplus):
    use("svm-ckplus", {"data.path": str(ckplus)})
    splits = splits_with_features()
    people = [set(split.group) for split in splits.values()]
    assert sum(map(len, people)) == len(set.union(*people)) == N_SUBJECTS
    assert splits["test"].labels == CKPLUS_LABELS

    shared, params = load_family()
    module = family_module(shared.family)
    model = module.fit(TrainingData(splits["train"], splits["val"]), params, load_seed()).model
    p = module.predict_proba(model, splits["test"].x, len(CKPLUS_LABELS))
    right = p.argmax(axis=1) == splits["test"].y
    assert right.mean() > 2.5 / len(CKPLUS_LABELS)  # of strangers; chance is one in seven


def test_every_fold_of_ckplus_tests_other_people(ckplus):
    tested = []
    for fold in range(5):
        use("svm-ckplus", {"data.path": str(ckplus), "data.fold": fold})
        data = load_data(load_params("data", DataParams), load_seed()).splits
        tested.append(set(data["test"].group))
    assert sum(map(len, tested)) == len(set.union(*tested)) == N_SUBJECTS


def test_without_data_each_preset_says_what_it_needs():
    with pytest.raises(ParamError, match=r"'svm-ckplus' needs CK\+48.*may not be passed on"):
        use("svm-ckplus", {})
    with pytest.raises(ParamError, match=r"'svm' needs FER-2013.*--set data\.source=kaggle"):
        use("svm", {})


def test_fer2013_in_small_is_learnt(zip_of_faces):
    use("svm", {"data.path": str(zip_of_faces)})
    splits = splits_with_features()
    shared, params = load_family()
    module = family_module(shared.family)
    fitted = module.fit(TrainingData(splits["train"], splits["val"]), params, 0)
    assert fitted.about["calibration"]["n_rows"] == len(splits["val"])
    p = module.predict_proba(fitted.model, splits["train"].x, 7)
    assert (p.argmax(axis=1) == splits["train"].y).mean() > 0.8
