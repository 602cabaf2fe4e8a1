"""The page of the report: whole, without anything from afar, and words as they are."""

import re
from html import escape
from pathlib import Path

import pytest
from html_page import Page
from jinja2 import UndefinedError

from ferflow.claims.registry import load_papers
from ferflow.documents.render import in_text, markdown_page, render, slug
from ferflow.records.ensemble import make_ensemble
from ferflow.report.write import CLAIMS, LEADERBOARD, README, report_texts, write_report

MD, HTML = Path("reports/papers.md"), Path("reports/papers.html")


@pytest.mark.usefixtures("readme")
def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere(make_record):
    members = [make_record("mobilenet-aco-rf", seed=seed) for seed in (0, 1)]
    make_ensemble(members, name="both")
    written = write_report()
    assert [path for path in written if path.suffix != ".svg"] == [
        MD,
        HTML,
        README,
        CLAIMS,
        LEADERBOARD,
    ]
    text = HTML.read_text()
    page = Page(text)
    assert page.outside == [] and page.open == []
    assert len(set(page.ids)) == len(page.ids) and set(page.links) <= set(page.ids)
    assert "url(" not in text and "@import" not in text
    assert text.count("<svg") == sum(path.suffix == ".svg" for path in written)
    assert "both" in text
    assert write_report() == []


@pytest.mark.usefixtures("readme")
def test_the_contents_name_every_paper_and_every_preset_on_record(make_record):
    make_record("fernet")
    make_ensemble([make_record("svm", seed=seed) for seed in (0, 1)], name="both")
    make_record("allconv", variant="wide")
    texts = report_texts()
    contents, _, _ = texts[MD].partition("| paper |")
    papers = [paper.title for paper in load_papers().values()]
    names = re.findall(r"^- \[(.*)\]\(#", contents, re.MULTILINE)
    assert names == [*(f"Paper {k}: {title}" for k, title in enumerate(papers, 1)), "Ensembles"]
    presets = re.findall(r"^  - \[`(.*)`\]\(#(.*)\)$", contents, re.MULTILINE)
    assert presets == [(name, f"{name}-on-record") for name in ("fernet", "svm", "allconv")]
    page = Page(texts[HTML])
    assert len(page.links) == len(names) + len(presets) and set(page.links) <= set(page.ids)


AWKWARD = [
    "<b>bold</b>",
    "a|b\\|c\\",
    "*a* _b_ __c__ ~~d~~ x_y_z 2 * 3",
    "![far](http://x.org/a.png) [b](javascript:c) <http://x.org>",
    "&amp; &#65; K&R",
    "- no list",
    "1. no list",
    "# no heading",
    "> no quote",
    "---",
    "===",
    "lone ` mark",
    "0.497 is a figure, -0.1, too",
    "two\nlines",
    "$a$",
]


@pytest.mark.parametrize("words", AWKWARD)
def test_words_with_markup_are_shown_as_they_are(words):
    grid = {"header": ["h"], "rows": [[words]]}
    text = f"{in_text(words)}\n\n- {in_text(words)}\n\n{render('one_table.md.j2', grid=grid)}"
    page = markdown_page("t", text, {})
    shown = escape(" ".join(words.split()), quote=False).replace('"', "&quot;")
    assert f"<p>{shown}</p>" in page and f"<li>{shown}</li>" in page and f"<td>{shown}</td>" in page
    assert Page(page).outside == []


@pytest.mark.parametrize("words", ["`a_b` and `<i>*c*`", "`x|y`: z"])
def test_code_stays_code(words):
    grid = {"header": ["h"], "rows": [[words]]}
    page = markdown_page("t", f"{in_text(words)}\n\n{render('one_table.md.j2', grid=grid)}", {})
    marked = re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))
    assert f"<p>{marked}</p>" in page and f"<td>{marked}</td>" in page


def test_a_page_escapes_its_title_captions_and_headings():
    text = f"# a <b>\n\n![{in_text('of <one>')}](p.svg)\\\n{in_text('of <one>')}\n"
    page = markdown_page("<title>", text, {"p.svg": "<svg ></svg>"})
    assert "<title>&lt;title&gt;</title>" in page and ">a &lt;b&gt;</h1>" in page
    svg = '<svg role="img" aria-label="of &lt;one&gt;" ></svg>'
    assert f"<figure>{svg}<figcaption>of &lt;one&gt;</figcaption></figure>" in page
    assert Page(page).open == []


def test_figures_stay_on_a_line():
    page = markdown_page("t", "0.1 ± 0.2 (0.3 to 0.4) of one to two", {})
    assert "0.1\xa0±\xa00.2 (0.3\xa0to\xa00.4) of one to two" in page


def test_anchors_are_those_of_github():
    assert slug("Paper 2: A, (B 2013) - `c_d`") == "paper-2-a-b-2013---c_d"
    page = markdown_page("t", "## The `a_b`\n\n## Same\n\n## Same\n", {})
    assert re.findall('id="([^"]+)"', page) == ["the-a_b", "same", "same-1"]


def test_a_template_does_not_pass_over_what_is_missing():
    with pytest.raises(UndefinedError):
        render("one_table.md.j2")
