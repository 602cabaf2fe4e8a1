"""The report and the README's table: what the records say, nothing else, and nothing from afar."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ferflow.errors import FerflowError
from ferflow.papers.ensemble import make_ensemble
from ferflow.papers.pages import Grid, Heading, Points, Text, draw_matrix, to_html, to_markdown
from ferflow.papers.records import load_records
from ferflow.papers.registry import load_papers
from ferflow.papers.report import README, report_texts, write_report
from ferflow.papers.standing import standings

ROOT = Path(__file__).parents[1]
MD, HTML = Path("reports/papers.md"), Path("reports/papers.html")


class Page(HTMLParser):
    """Collects what a page asks for from elsewhere, and whether its tags are closed."""

    VOID = frozenset({"meta", "path", "rect", "polyline", "br"})

    def __init__(self, text):
        super().__init__()
        self.outside, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.outside += [v for k, v in attrs if k in ("src", "href", "srcset", "action", "data")]
        self.outside += [tag] if tag in ("script", "link", "iframe", "object", "img") else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in self.VOID or self.open.pop() == tag


@pytest.fixture
def readme(workplace):
    (workplace / README).write_text("# x\n\n<!-- papers -->\nold\n<!-- /papers -->\n\nrest\n")


def row_of(text, *words):
    (line,) = [line for line in text.splitlines() if all(f"| {w} |" in line for w in words)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_committed_reports_and_readme_are_what_the_records_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    for path, text in report_texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `ferflow report`"


@pytest.mark.usefixtures("readme")
def test_without_records_every_claim_is_listed_as_not_yet_run():
    texts = report_texts()
    claims = [c for paper in load_papers().values() for c in paper.claims]
    assert texts[README].count("not yet run") == len(claims)
    rows = [line for line in texts[README].splitlines() if line.startswith("| ")]
    assert len(rows) == len(claims) + 2
    assert texts[README].startswith("# x\n\n<!-- papers -->\n|")
    assert texts[README].endswith("<!-- /papers -->\n\nrest\n")


@pytest.mark.usefixtures("readme")
def test_a_recorded_preset_shows_its_figure_with_interval(make_record):
    record = make_record("mobilenet-aco-rf", accuracy=0.3)
    value = record.score("test", "accuracy")
    low, high = record.intervals["test"]["accuracy"]
    cells = row_of(report_texts()[README], "`mobilenet-aco-rf`")
    assert cells[3] == f"{value:.3f} ({low:.3f} to {high:.3f})"
    assert high < 0.45 and cells[4] == "0.497 is out of reach of its preset"


@pytest.mark.usefixtures("readme")
def test_several_seeds_show_their_mean(make_record):
    made = [make_record("mobilenet-aco-rf", seed=seed) for seed in range(3)]
    mean = np.mean([record.score("test", "accuracy") for record in made])
    cell = row_of(report_texts()[README], "`mobilenet-aco-rf`")[3]
    assert cell.startswith(f"{mean:.3f} (") and cell.endswith("3 seeds)")


@pytest.mark.usefixtures("readme")
def test_edited_runs_and_mistakes_are_not_taken_for_the_preset(make_record):
    make_record("mobilenet-aco-rf", variant="wide")
    wrong = make_record("mobilenet-aco-rf", mistake="resample_before_split", accuracy=0.9)
    texts = report_texts()
    assert row_of(texts[README], "`mobilenet-aco-rf`")[3] == "not yet run"
    assert f"`resample_before_split` {wrong.score('test', 'accuracy'):.3f}" in texts[MD]


@pytest.mark.usefixtures("readme")
def test_scores_without_twins_get_a_column_where_they_are_recorded(make_record):
    record = make_record("mobilenet-aco-rf")
    assert "without twins" not in report_texts()[README]
    metrics = record.metrics | {"test_without_twins": record.metrics["val"]}
    make_record("mobilenet-aco-rf", metrics=metrics)
    text = report_texts()[README]
    assert "| without twins |" in text
    assert row_of(text, "`mobilenet-aco-rf`")[4].startswith(
        f"{record.score('val', 'accuracy'):.3f} ("
    )


@pytest.mark.usefixtures("workplace")
def test_a_claim_of_validation_images_is_answered_by_validation_images(make_record):
    record = make_record("littlevgg")
    one, tta = (s for s in standings(load_records()) if s.claim.preset == "littlevgg")
    assert one.honest.value == record.score("val", "accuracy")
    assert tta.honest.value == record.score("test", "accuracy")


@pytest.mark.usefixtures("workplace")
def test_verdicts_say_whether_the_preset_reaches_the_claim(make_record):
    for preset, accuracy in (("littlevgg", 0.3), ("svm", 0.9), ("fernet", 0.5)):
        make_record(preset, accuracy=accuracy)
    found = {(s.claim.preset, s.metric, s.claimed): s for s in standings(load_records())}
    assert "out of reach of its preset" in found["littlevgg", "accuracy", 0.6435].verdict
    assert "exceeded by its preset" in found["svm", "accuracy", 0.38].verdict
    assert "one_vs_rest" in found["fernet", "accuracy", 0.8829].short_verdict
    assert "CK+" in found["sepconv-ckplus", "accuracy", 0.99].verdict


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("value", "words"),
    [(0.6435, "consistent with"), (0.6235, "consistent with"), (0.6, "out of reach of")],
)
def test_a_claims_own_test_images_scatter_too(make_record, value, words):
    record = make_record("littlevgg")
    scores = record.metrics["test"] | {"accuracy": value}
    near = {"test": {"accuracy": (value - 0.015, value + 0.015)}}
    make_record("littlevgg", metrics={"test": scores}, intervals=near)
    (tta,) = (s for s in standings(load_records()) if s.claimed == 0.6435)
    assert f"{words} its preset" in tta.short_verdict


def test_no_verdict_says_explained(workplace):
    assert Path.cwd() == workplace
    for standing in standings([]):
        assert "explain" not in standing.verdict + standing.short_verdict


@pytest.mark.usefixtures("readme")
def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere(make_record):
    members = [make_record("mobilenet-aco-rf", seed=seed) for seed in (0, 1)]
    make_ensemble(members, name="both")
    assert write_report() == [MD, HTML, README]
    text = HTML.read_text()
    page = Page(text)
    assert page.outside == [] and page.open == []
    assert "url(" not in text and "@import" not in text
    assert "<svg" in text and 'class="matrix"' in text and "both" in text
    assert write_report() == []


@pytest.mark.usefixtures("readme")
def test_printed_matrices_stand_in_the_report_with_their_reading():
    text = report_texts()[MD]
    assert "7,178 images, accuracy 0.1746" in text
    assert "disgust taken for surprise is 40" in text
    assert "FER-2013" in text and "not there yet" in text


@pytest.mark.parametrize("text", ["", "<!-- papers -->", "<!-- papers -->\n<!-- /papers -->\n" * 2])
def test_a_readme_without_the_marks_is_refused(workplace, text):
    (workplace / README).write_text(text)
    with pytest.raises(FerflowError, match=r"must hold '<!-- papers -->'"):
        write_report()
    assert not MD.exists()


def test_texts_are_escaped_in_pages_and_bars_in_tables():
    blocks = [Heading(1, "a <b>"), Text("`x < y` & z"), Points(["<i>"]), Grid(["h"], [["a|b"]])]
    page = to_html(blocks, "<title>")
    assert "<h1>a &lt;b&gt;</h1>" in page and "<code>x &lt; y</code> &amp; z" in page
    assert "<i>" not in page and "<title>&lt;title&gt;</title>" in page
    assert "| a\\|b |" in to_markdown(blocks)


def test_a_drawn_matrix_holds_every_count(workplace):
    assert Path.cwd() == workplace
    from ferflow.papers.confusion import ConfusionMatrix

    drawn = draw_matrix(ConfusionMatrix(np.array([[1234, 0], [5, 6]]), ["a<", "b"]).table())
    assert re.findall(r">([\d,]+)</td>", drawn) == ["1,234", "0", "5", "6"]
    assert "a&lt;" in drawn
