"""Presets and `ferflow use`: params.yaml is written whole and legal, or not at all."""

import shutil
from itertools import pairwise

import pytest

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.core.params import PARAMS_FILE, flatten, read_yaml
from ferflow.settings.check import SECTIONS, TOP_LEVEL, check_params
from ferflow.settings.presets import (
    DEFAULTS,
    load_preset,
    own_edits,
    parse_setting,
    preset_names,
    use,
)

pytestmark = pytest.mark.usefixtures("workplace")


def written():
    return flatten(read_yaml(PARAMS_FILE))


def comments(path):
    return [line.strip() for line in path.read_text().splitlines() if line.strip().startswith("#")]


def edit(old, new):
    """Change a line of params.yaml as a person would."""
    text = PARAMS_FILE.read_text()
    assert text.count(old) == 1
    PARAMS_FILE.write_text(text.replace(old, new))


def test_the_committed_params_are_those_of_the_quickstart():
    committed = PARAMS_FILE.read_bytes()
    PARAMS_FILE.unlink()
    assert use("quickstart", {}) == []
    assert PARAMS_FILE.read_bytes() == committed


def test_quickstart_is_the_first_of_the_presets():
    names = preset_names()
    assert names[0] == "quickstart"
    assert "defaults" not in names
    assert len(names) == len(set(names)) > 1


def test_every_preset_is_legal_and_says_what_it_is(zip_of_faces):
    for name in preset_names():
        use(name, {"data.path": str(zip_of_faces)})
        check_params(read_yaml(PARAMS_FILE))
        assert written()["preset"] == name
        preset = load_preset(name)
        assert preset.about


@pytest.mark.parametrize(
    ("written", "got"),
    [
        ("generator to 2.7", "'generator to 2.7'. Did you mean 'generator to 2.8'?"),
        ("2.9", "2.9."),
        ("[layers]", "['layers']. Did you mean 'layers'?"),
    ],
)
def test_a_generation_of_keras_that_is_not_known_is_refused(written, got):
    path = DEFAULTS.parent / "allconv.yaml"
    path.write_text(path.read_text().replace("keras: generator to 2.8", f"keras: {written}"))
    with pytest.raises(ParamError) as caught:
        load_preset("allconv")
    assert str(caught.value) == (
        f"{path}: keras: must be one of generator to 2.8, generator from 2.9, layers; got {got}"
    )


def test_steps_in_an_older_builds_words_are_nobodys_edits():
    text = PARAMS_FILE.read_text()
    now = "rotation_degrees: 10, shift_share: 0.1, zoom_share: 0.1"
    older = "rotation: 10, shift: 0.1, zoom: 0.1"
    assert text.count(now) == 2
    PARAMS_FILE.write_text(text.replace(now, older))
    check_params(read_yaml(PARAMS_FILE))
    assert own_edits() == {}


def test_every_line_of_a_preset_reaches_the_file(zip_of_faces):
    for name in preset_names():
        overlay = load_preset(name).overlay
        use(name, {"data.path": str(zip_of_faces)} if overlay["data.source"] == "path" else {})
        assert {key: written()[key] for key in overlay} == overlay


def test_the_defaults_name_every_section_and_every_key_has_a_comment():
    assert list(read_yaml(DEFAULTS)) == TOP_LEVEL
    lines = DEFAULTS.read_text().splitlines()
    for before, line in pairwise(lines):
        if ":" in line and not line.strip().startswith("#") and line != "    random_forest:":
            assert before.strip().startswith("#") or line.endswith(":"), line


@pytest.mark.parametrize("name", ["quickstart", "mobilenet-aco-rf"])
def test_the_defaults_comments_are_kept(zip_of_faces, name):
    use(name, {"data.path": str(zip_of_faces), "selection.n_ants": 5})
    assert comments(PARAMS_FILE) == comments(DEFAULTS)


def test_what_is_not_there_is_written_as_null():
    use("quickstart", {})
    assert "path: null" in PARAMS_FILE.read_text()


def test_a_setting_beats_the_preset_which_beats_the_defaults():
    default, preset = read_yaml(DEFAULTS)["selection"], load_preset("quickstart").overlay
    use("quickstart", {"selection.n_ants": 5})
    assert written()["selection.n_ants"] == 5
    assert written()["selection.max_rows"] == preset["selection.max_rows"] != default["max_rows"]
    assert written()["selection.q0"] == default["q0"]


def test_an_unknown_preset_is_refused_with_the_nearest():
    with pytest.raises(ParamError, match=r"no preset 'quikstart'.*Did you mean 'quickstart'"):
        use("quikstart", {})


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("balance.methods", "balance.method"),
        ("balnce.method", "balance.method"),
        ("balance.method.k", "balance.method"),
        ("sed", "seed"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(key, meant):
    with pytest.raises(ParamError, match=rf"no parameter '{key}'.*Did you mean '{meant}'"):
        use("quickstart", {key: 1})


@pytest.mark.parametrize(
    "settings",
    [
        {"balance.method": "smote2"},
        {"selection.n_ants": 0},
        {"selection.n_features": 1.5},
        {"seed": -1},
        {"train.family": "svn"},
        {"data.path": "nowhere.zip", "data.source": "path"},
        {"no.such": 1},
        {"train": 3},
    ],
    ids=str,
)
def test_nothing_is_written_when_a_value_is_illegal(settings):
    before = PARAMS_FILE.read_bytes()
    with pytest.raises((ParamError, DataError)):
        use("quickstart", settings)
    assert PARAMS_FILE.read_bytes() == before
    assert {path.name for path in PARAMS_FILE.resolve().parent.iterdir()} == {
        "presets",
        "ferflow",
        "metrics",
        "params.yaml",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"data": "synthetic"},
        {"features": "hog"},
        {"data": {"source": "path"}},
        {"data.source": "path", "data.path": 2013},
        {"features.method": "backbone", "features.backbone": 3},
    ],
    ids=str,
)
def test_a_value_of_the_wrong_kind_is_an_error_for_people(settings):
    with pytest.raises(ParamError):
        use("quickstart", settings)


def test_all_illegal_values_are_told_at_once():
    with pytest.raises(ParamError) as caught:
        use("quickstart", {"seed": -1, "balance.k_neighbors": 0, "train.family": "svn"})
    assert len(str(caught.value).splitlines()) == 3


def test_a_section_that_nothing_reads_is_refused():
    with pytest.raises(ParamError, match=r"balanec is not a section.*Did you mean 'balance'"):
        check_params(read_yaml(PARAMS_FILE) | {"balanec": {}})


def test_an_unknown_architecture_is_refused_under_any_family():
    params = read_yaml(PARAMS_FILE)
    params["train"]["network"]["architecture"] = "reznet"
    for params["train"]["family"] in ("random_forest", "network"):
        with pytest.raises(ParamError, match=r"Did you mean 'resnet'\?") as caught:
            check_params(params)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_a_missing_section_is_named(section):
    params = read_yaml(PARAMS_FILE)
    del params[section]
    with pytest.raises(ParamError, match=rf"section '{section}' is missing"):
        check_params(params)


def test_a_preset_on_fer_2013_asks_for_its_path():
    with pytest.raises(ParamError, match=r"needs FER-2013.*--set data\.path"):
        use("mobilenet-aco-rf", {})


def test_kaggle_needs_no_path_and_has_no_fingerprint():
    """The version that the code pins stands for it."""
    use("mobilenet-aco-rf", {"data.source": "kaggle"})
    assert written()["data.path"] is None
    assert written()["data.sha256"] is None


def test_the_fingerprint_of_the_data_is_written_and_follows_them(zip_of_faces):
    use("mobilenet-aco-rf", {"data.path": str(zip_of_faces)})
    first = written()["data.sha256"]
    assert first == sha256_of(zip_of_faces)
    zip_of_faces.write_bytes(b"other")
    use("mobilenet-aco-rf", {"data.path": str(zip_of_faces)})
    assert written()["data.sha256"] == sha256_of(zip_of_faces) != first


def test_the_fingerprint_of_a_local_network_is_written(zip_of_faces, tmp_path):
    folder = tmp_path / "network"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    paths = {"data.path": str(zip_of_faces), "features.backbone": str(folder)}
    use("mobilenet-aco-rf", paths)
    assert written()["features.backbone_sha256"] == sha256_of(folder)


def test_a_network_of_the_hub_has_no_fingerprint(zip_of_faces):
    use("mobilenet-aco-rf", {"data.path": str(zip_of_faces)})
    assert written()["features.backbone_sha256"] is None


def test_edits_that_a_new_preset_discards_are_named():
    edit("n_trees: 30", "n_trees: 77")
    edit("k_neighbors: 5", "k_neighbors: 4")
    assert use("quickstart", {"balance.k_neighbors": 4}) == ["selection.n_trees: 77 (now 30)"]
    assert own_edits() == {"balance.k_neighbors": 4}


def test_settings_of_an_earlier_use_count_as_edits():
    use("quickstart", {"selection.n_ants": 5})
    assert use("quickstart", {}) == ["selection.n_ants: 5 (now 8)"]


def test_lines_of_another_preset_are_nobodys_edits(zip_of_faces):
    use("mobilenet-aco-rf", {"data.path": str(zip_of_faces)})
    assert use("quickstart", {}) == [f"data.path: {str(zip_of_faces)!r} (now None)"]


def test_a_key_that_is_no_parameter_is_named_when_it_goes():
    edit("seed: 0", "seed: 0\nsed: 3")
    assert use("quickstart", {}) == ["sed: 3 (now None)"]


def test_without_a_params_file_there_are_no_edits():
    PARAMS_FILE.unlink()
    assert own_edits() == {}
    shutil.copy(DEFAULTS, PARAMS_FILE)
    assert "selection.n_ants" in own_edits()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("balance.method=none", ("balance.method", "none")),
        ("seed=7", ("seed", 7)),
        ("selection.rho=1e-4", ("selection.rho", 0.0001)),
        ("data.path=null", ("data.path", None)),
        ("data.path=", ("data.path", None)),
        ("preprocess.drop_constant=false", ("preprocess.drop_constant", False)),
        ("preprocess.classes=[happy, sad]", ("preprocess.classes", ["happy", "sad"])),
        ("data.path=/a/b=c.zip", ("data.path", "/a/b=c.zip")),
        ("features.backbone=google/mobilenet", ("features.backbone", "google/mobilenet")),
        (" seed = 7", ("seed", 7)),
    ],
)
def test_a_setting_is_read_as_it_would_be_in_the_file(text, expected):
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["balance.method", "=none", "", "="])
def test_a_setting_without_key_or_equals_sign_is_refused(text):
    with pytest.raises(ParamError, match="a setting is key=value"):
        parse_setting(text)


@pytest.mark.parametrize("text", ["a=[1", "a={b: 1, b: 2}", "a=*x"])
def test_a_setting_that_is_no_yaml_is_refused(text):
    with pytest.raises(ParamError, match="is not a YAML value"):
        parse_setting(text)


def test_naming_a_path_takes_any_preset_to_these_data(zip_of_faces):
    use("quickstart", {"data.path": str(zip_of_faces)})
    assert written()["data.source"] == "path"
    assert written()["features.backbone"] == "ferflow/bundled"


def test_an_architectures_options_are_free_to_name(zip_of_faces):
    use("sepconv-ckplus", {"data.path": str(zip_of_faces)})
    assert written()["train.network.options.dense"] == [512, 256]
    key, value = parse_setting("train.network.options.dense=[64]")
    use("sepconv-ckplus", {"data.path": str(zip_of_faces), key: value})
    assert written()["train.network.options.dense"] == [64]
    key, value = parse_setting("train.network.options={dropout: [0.1, 0.2]}")
    use("sepconv", {"data.path": str(zip_of_faces), key: value})
    assert written()["train.network.options.dropout"] == [0.1, 0.2]


def test_an_unknown_option_of_an_architecture_is_refused():
    with pytest.raises(ParamError, match="Legal in this section: embedding_size"):
        use("quickstart", {"train.family": "network", "train.network.options.depth": 3})


def test_a_backbone_to_fine_tune_gets_its_fingerprint(tmp_path, zip_of_faces):
    folder = tmp_path / "backbone"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    key = "train.network.options.backbone"
    use("finetune", {"data.path": str(zip_of_faces), key: str(folder)})
    assert written()[f"{key}_sha256"] == sha256_of(folder)
