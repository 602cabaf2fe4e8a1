"""The real chain on somebody's own pictures: three classes, in colour, of 64 pixels."""

import json
import subprocess
import sys

import pytest
from colour_data import COLOURS, write_colours

from ferflow.core.split import load_split

NETWORK = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "input_size": 64}
SETTINGS = [
    "data.split=fraction",
    "data.colour=rgb",
    "augment.copies=[horizontal_flip]",
    "features.method=pixels",
    "balance.method=none",
    "selection.method=none",
    "train.family=network",
    f"train.network.options={json.dumps(NETWORK)}",
    "train.network.epochs=10",
    "train.network.batch_size=16",
    "train.network.augmentation=[{rotation_degrees: 10}, {contrast_factors: [0.8, 1.2]}]",
    "evaluate.tta=ten_crop",
]
SERVED = """
import base64, sys, mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
image = base64.b64encode(open(sys.argv[3], "rb").read()).decode()
answer = mlflow.pyfunc.load_model(sys.argv[2]).predict(pandas.DataFrame({"image": [image]}))
print(answer.iloc[0].idxmax())
"""


@pytest.mark.long
def test_colour_pictures_of_64_pixels_go_through_all_stages_and_are_named(own, tmp_path):
    folder = write_colours(tmp_path / "pictures")
    data = [f"data.path={folder}", *SETTINGS]
    said = own.use("quickstart", *data, ok=False)
    assert "has 64x64 pixels; expected 48x48" in said
    assert "data.resize: true" in said and "data.size: 64" in said
    own.use("quickstart", *data, "data.size=64")
    stages, printed = own.repro()
    assert stages[0] == "download" and stages[-1] == "track" and len(stages) == 9, printed
    assert load_split(own.folder / "data/features/test.safetensors").x.shape[1:] == (64, 64, 3)
    scores = json.loads(own.text("metrics/metrics.json"))
    assert scores["test"]["accuracy"] >= 0.9 and scores["test_tta"]["accuracy"] >= 0.9
    _, run = own.present_run()
    assert run.data.metrics["test/accuracy"] == scores["test"]["accuracy"]

    own.ferflow("export", "models/classifier", "--to", "own.onnx")
    for name in COLOURS:
        picture = folder / name / "0.png"
        for model in ("models/classifier", "own.onnx"):
            words = ["predict", picture, "--no-detect", "--json", "--model", model]
            (answer,) = own.ferflow(*map(str, words)).splitlines()
            assert json.loads(answer)["faces"][0]["label"] == name
    words = [f"sqlite:///{own.folder}/.mlflow/mlflow.db", f"runs:/{run.info.run_id}/model"]
    command = [sys.executable, "-c", SERVED, *words, str(folder / "red/0.png")]
    served = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True)
    assert served.stdout.split()[-1] == "red"

    said = own.use("fernet", *data, "data.size=64", "train.network.options={}", ok=False)
    assert "fernet takes faces of 48 to 63 pixels, data.size; got 64" in said
