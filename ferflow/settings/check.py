"""All sections of params.yaml at once: what `ferflow check`, `ferflow use` and DVC verify first."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ferflow.augment.params import AugmentParams
from ferflow.backbones.kinds import check_kind, known_config
from ferflow.balance.params import BalanceParams, check_soft_method
from ferflow.core.errors import ParamError
from ferflow.core.face_shape import GREY_48
from ferflow.core.params import PARAMS_FILE, Record, nearest, pick_section, pick_seed, read_yaml
from ferflow.core.paths import PIPELINE_FILE
from ferflow.download.params import DataParams
from ferflow.evaluation.params import EvaluateParams
from ferflow.features.params import FeaturesParams
from ferflow.preprocess.params import PreprocessParams
from ferflow.selection.params import SelectionParams
from ferflow.training.families.network import check_side
from ferflow.training.shared.compute_params import ComputeParams
from ferflow.training.shared.params import check_soft, family_names, pick_family, pick_own

SECTIONS: dict[str, type[Record]] = {
    "data": DataParams,
    "preprocess": PreprocessParams,
    "augment": AugmentParams,
    "features": FeaturesParams,
    "balance": BalanceParams,
    "selection": SelectionParams,
    "evaluate": EvaluateParams,
    "compute": ComputeParams,
}
UNMIXED = ("none", "random_oversampling", "random_undersampling")  # rows stay those of images
TOP_LEVEL = ["preset", "seed", *list(SECTIONS)[:-2], "train", "evaluate", "compute"]


def check_params(params: dict[str, Any]) -> None:
    """Refuse parameters in which any section is missing, incomplete or impossible.

    A section that a stage of your own reads, by dvc.yaml, is legal, whatever it contains.
    Raises ParamError with a line for each fault, wherever it stands.
    """
    strangers = params.keys() - TOP_LEVEL
    strangers -= _own_sections() if strangers else set()
    faults = [
        f"{PARAMS_FILE}: {key} is not a section.{nearest(key, TOP_LEVEL)} "
        f"Legal: {', '.join(TOP_LEVEL)}."
        for key in params
        if key in strangers
    ]
    train = params.get("train")
    given = train if isinstance(train, dict) else {}
    others = [f for f in family_names() if f != given.get("family") and f in given]  # some are new
    checks: list[Callable[[], object]] = [partial(pick_seed, params), partial(pick_family, params)]
    checks += [partial(pick_own, params, family) for family in others]
    checks += [partial(pick_section, params, name, record) for name, record in SECTIONS.items()]
    for verify in checks:
        try:
            verify()
        except ParamError as error:
            faults.append(str(error))
    if faults:
        raise ParamError("\n".join(faults))
    _check_folds(params)
    _check_face(params)
    _check_backbones(params)
    _check_soft(params)
    _check_images(params)
    pick_section(params, "compute", ComputeParams).checked()


def _own_sections() -> set[str]:
    """The sections that the stages of dvc.yaml here declare."""
    if not PIPELINE_FILE.exists():
        return set()
    stages = read_yaml(PIPELINE_FILE).get("stages")
    named = stages.values() if isinstance(stages, dict) else []  # of what is odd DVC tells
    own = [stage.get("params") for stage in named if isinstance(stage, dict)]
    keys = [key for params in own if isinstance(params, list) for key in params]
    return {key.partition(".")[0] for key in keys if isinstance(key, str)}


def check_pictures(params: dict[str, Any]) -> None:
    """ParamError if the source's pictures have another size, and `data.resize` is false.

    Some of those at `data.path` are checked, before the chain starts.
    """
    data = pick_section(params, "data", DataParams)
    if data.resize or (data.source != "path" and data.size == GREY_48.size):
        return
    from ferflow.download.peek import peek  # OpenCV, which few checks need

    peek(data)


def _check_face(params: dict[str, Any]) -> None:
    """Refuse a shape of faces that the features or the network do not take."""
    data = pick_section(params, "data", DataParams)
    pick_section(params, "features", FeaturesParams).check_face(data.shape)
    if params["train"]["family"] == "network":
        check_side(params["train"]["network"]["architecture"], data.size)


def _check_backbones(params: dict[str, Any]) -> None:
    """Refuse a backbone of a kind that cannot take the images, as far as its files are here."""
    features = pick_section(params, "features", FeaturesParams)
    if "backbone" in features.parts:
        name, size = features.backbone, features.input_size
        config = known_config(name)
        check_kind(config, name, "features.backbone", size, "features.input_size")
    train = params["train"]
    if train["family"] == "pretrained" and train["pretrained"]["model"] is None:
        raise ParamError(
            f"{PARAMS_FILE}: train.pretrained.model is null. Name a model of the Hugging Face hub, "
            "or a folder: ferflow use PRESET --set train.pretrained.model=NAME"
        )
    if backbone := getattr(pick_family(params)[1], "backbone", None):
        name, size = backbone
        key = "train.network.options"
        check_kind(known_config(name), name, f"{key}.backbone", size, f"{key}.input_size")


def _check_folds(params: dict[str, Any]) -> None:
    """Refuse a search by folds over rows that `balance` mixes from several images."""
    search, method = params["train"]["search"], params["balance"]["method"]
    if search["method"] == "none" or search["folds"] is None:
        return
    if method not in UNMIXED:
        raise ParamError(
            f"{PARAMS_FILE}: train.search.folds cannot be combined with balance.method {method}: "
            "the images that a synthetic row was mixed from are not known, so folds would leak. "
            "Set balance.method to none, or train.search.folds to null (scored on val)."
        )


def _check_soft(params: dict[str, Any]) -> None:
    """Refuse what cannot be done with people's votes for several classes."""
    if params["data"].get("labels") != "ferplus_votes":
        return
    check_soft(params["train"]["family"])
    check_soft_method(params["balance"]["method"])


def _check_images(params: dict[str, Any]) -> None:
    """Refuse to hand a family that takes images the numbers of something else."""
    family = params["train"]["family"]
    got = [params[section]["method"] for section in ("features", "balance", "selection")]
    fits = got[0] == "pixels" and got[1] in UNMIXED and got[2] == "none"
    if family in ("network", "pretrained") and not fits:
        raise ParamError(
            f"{PARAMS_FILE}: train.family {family} takes images as they are: set features.method "
            f"to pixels, balance.method and selection.method to none; got {', '.join(got)}."
        )
