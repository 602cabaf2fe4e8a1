"""Figures are written, are PNGs of a sane size with something on them, and repeat to the byte."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from ferflow.evaluation import figures, metrics
from ferflow.evaluation.curves import precision_recall_table, roc_table
from ferflow.evaluation.outputs import draw_training
from ferflow.evaluation.training_figures import plot_class_counts, plot_convergence, plot_training

pytestmark = pytest.mark.filterwarnings("error")

LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"]


def png_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels from a PNG's header."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", header[16:24])
    return width, height


def class_figures(n_classes: int) -> dict[str, Callable[[Path], None]]:
    """Writers of the figures that show every class, for 60 rows of random predictions."""
    rng = np.random.default_rng(n_classes)
    labels = LABELS[:n_classes]
    y = np.arange(60) % n_classes
    p = rng.dirichlet(np.ones(n_classes), 60)
    roc = roc_table(y, p, labels)
    curve = precision_recall_table(y, p, labels)
    areas = dict.fromkeys(labels, 0.5)
    counts = dict(zip(labels, rng.integers(1, 9000, n_classes).tolist(), strict=True))
    return {
        "confusion": partial(figures.plot_confusion, metrics.confusion_table(y, p, labels)),
        "roc": partial(figures.plot_roc, roc, areas=areas),
        "precision_recall": partial(figures.plot_precision_recall, curve),
        "reliability": partial(figures.plot_reliability, metrics.reliability_table(y, p)),
        "class_counts": partial(plot_class_counts, counts, dict.fromkeys(labels, 7215)),
    }


def history(n_iterations: int) -> pd.DataFrame:
    """A colony's history: five ants an iteration, scores that rise."""
    rows = pd.DataFrame(
        {
            "iteration": np.repeat(np.arange(n_iterations), 5),
            "ant": np.tile(np.arange(5), n_iterations),
            "n_features": 2560,
            "score": np.random.default_rng(0).normal(0.45, 0.01, 5 * n_iterations),
        }
    )
    return rows.assign(best_score=rows["score"].cummax())


def check_png(draw: Callable[[Path], None], folder: Path) -> None:
    """Draw twice: the same bytes, 300 to 2000 pixels a side, neither blank nor mostly ink."""
    first, second = folder / "first.png", folder / "new" / "second.png"
    draw(first)
    draw(second)
    assert first.read_bytes() == second.read_bytes()
    assert all(300 <= side <= 2000 for side in png_size(first))
    grey = imread(first)[..., :3].mean(axis=2)  # (height, width), 0 to 1
    assert grey[:4].min() == grey[-4:].min() == 1, "something touches the upper or lower edge"
    assert grey[:, :4].min() == grey[:, -4:].min() == 1, "something touches a side"
    assert 0.001 < (grey < 1).mean() < 0.9
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize("n_classes", [2, 8])
@pytest.mark.parametrize(
    "name", ["confusion", "roc", "precision_recall", "reliability", "class_counts"]
)
def test_class_figures(name, n_classes, tmp_path):
    check_png(class_figures(n_classes)[name], tmp_path)


@pytest.mark.parametrize("n_images", [0, 1, 7])
def test_gallery(n_images, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (n_images, 48, 48), dtype=np.uint8)
    captions = [figures.mistake_caption("surprise", "disgust", 0.987)] * n_images
    check_png(partial(figures.plot_gallery, images, captions), tmp_path)


@pytest.mark.parametrize("n_iterations", [1, 12])
def test_convergence(n_iterations, tmp_path):
    check_png(partial(plot_convergence, history(n_iterations)), tmp_path)


def curves(scores=(0.3, 0.5, 0.5, 0.4)):
    """Four epochs: the best accuracy twice, the best macro F1 in the third, the best loss first."""
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3, 4],
            "learning_rate": 0.1,
            "train_loss": [1.9, 1.5, 1.2, 1.0],
            "val_loss": [1.2, 1.4, 1.5, 1.6],
            "val_accuracy": scores,
            "val_f1_macro": [0.2, 0.4, 0.45, 0.4],
        }
    )


def dots(axes):
    """(x, y) of the dots that are drawn, apart from the legend's."""
    marked = [line for line in axes.get_lines() if line.get_marker() == "o"]
    return [(*line.get_xdata(), *line.get_ydata()) for line in marked if len(line.get_xdata())]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are written."""

    def keep(figure, path, **options):
        kept.append(figure)
        save(figure, path, **options)

    kept, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", keep)
    return kept


@pytest.mark.parametrize(
    ("monitor", "chosen"), [("loss", 1), ("accuracy", 2), ("f1_macro", 3), ("min_delta", 4)]
)
def test_the_dots_of_a_training_are_at_the_chosen_epoch(monitor, chosen, drawn, tmp_path):
    table = curves()
    plot_training(table, tmp_path / "a.png", chosen=chosen, title=monitor)
    upper, lower = drawn[0].axes
    row = table.iloc[chosen - 1]
    assert dots(upper) == [(chosen, row["val_loss"])]
    assert dots(lower) == [(chosen, row["val_accuracy"]), (chosen, row["val_f1_macro"])]
    for axes in (upper, lower):
        named = [text.get_text() for text in axes.get_legend().get_texts()]
        assert named.count("chosen epoch") == 1 and len(named) == 3


@pytest.mark.parametrize("chosen", [None, 4])
def test_a_training_without_val_shows_its_losses_alone(chosen, drawn, tmp_path):
    table = curves(scores=np.nan).assign(val_loss=np.nan, val_f1_macro=np.nan)
    check_png(partial(plot_training, table, chosen=chosen), tmp_path)
    (axes,) = drawn[0].axes
    assert dots(axes) == [] and len(axes.get_lines()) == 1


def test_the_chosen_epoch_is_what_train_said(tmp_path, drawn):
    curves().to_csv(tmp_path / "training.csv", index=False)
    (tmp_path / "train.json").write_text('{"train": {"family": "network", "epoch_chosen": 1}}')
    draw_training(tmp_path / "training.csv", tmp_path / "train.json", tmp_path / "a.png")
    assert [dots(axes)[0][0] for axes in drawn[0].axes] == [1, 1]


def test_a_training_is_drawn(tmp_path):
    check_png(partial(plot_training, curves(), chosen=3), tmp_path)


def test_tables_read_back_from_csv_give_the_same_figure(tmp_path):
    y, p = np.arange(60) % 3, np.random.default_rng(0).dirichlet(np.ones(3), 60)
    table = metrics.reliability_table(y, p)  # with empty bins, NaN
    table.to_csv(tmp_path / "table.csv", index=False)
    figures.plot_reliability(table, tmp_path / "memory.png")
    figures.plot_reliability(pd.read_csv(tmp_path / "table.csv"), tmp_path / "csv.png")
    assert (tmp_path / "memory.png").read_bytes() == (tmp_path / "csv.png").read_bytes()


def test_empty_curves_are_drawn(tmp_path):
    empty = roc_table(np.array([0]), np.array([[0.9, 0.1]]), ["a", "b"])
    check_png(partial(figures.plot_roc, empty), tmp_path)


def test_the_title_is_drawn(tmp_path):
    plot_convergence(history(3), tmp_path / "a.png", title="One")
    plot_convergence(history(3), tmp_path / "b.png", title="Two")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_nothing_global_is_touched(tmp_path):
    before = dict(matplotlib.rcParams)
    plot_convergence(history(3), tmp_path / "a.png")
    assert dict(matplotlib.rcParams) == before


def test_pictures_are_the_same_whatever_the_readers_settings_are(tmp_path):
    plots = {
        **class_figures(3),
        "convergence": partial(plot_convergence, history(3)),
        "training": partial(plot_training, curves(), chosen=2),
    }
    for name, plot in plots.items():
        plot(tmp_path / f"{name}.png")
    foreign = {
        "axes.facecolor": "red",
        "axes.grid": True,
        "figure.constrained_layout.wspace": 0.3,
        "figure.facecolor": "black",
        "font.size": 30,
        "lines.linewidth": 9,
        "savefig.bbox": "tight",
        "xtick.direction": "in",
    }
    with matplotlib.rc_context(foreign):
        for name, plot in plots.items():
            plot(tmp_path / "foreign.png")
            own = (tmp_path / f"{name}.png").read_bytes()
            assert (tmp_path / "foreign.png").read_bytes() == own, name


def test_a_caption_names_truth_decision_and_probability():
    assert figures.mistake_caption("fear", "sad", 0.9712) == "fear → sad\n97.1%"


def test_wrong_input_is_refused(tmp_path):
    images = np.zeros((2, 48, 48), np.uint8)
    with pytest.raises(ValueError, match="1 captions"):
        figures.plot_gallery(images, ["one"], tmp_path / "a.png")
    with pytest.raises(ValueError, match="float64"):
        figures.plot_gallery(images.astype(float), ["one", "two"], tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"got \['a'\] and \['b'\]"):
        plot_class_counts({"a": 1}, {"b": 1}, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
