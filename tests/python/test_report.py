"""Goal: the report is one page that needs nothing, escapes everything, and has every figure without JavaScript too.
Method: made-up runs, the page read as a browser's parser would."""

import re
from html.parser import HTMLParser

import pytest
from weft_lab import frames, plot, ranking, report, store

OPEN = {"meta", "br", "link", "input", "img"}


class Page(HTMLParser):
    """Tags must balance; scripts and addresses are collected."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.scripts, self.links, self.words = [], 0, [], []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        if tag not in OPEN:
            self.stack.append(tag)
        self.scripts += tag == "script"
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] not in ("script", "style"):
            self.words.append(data)


def test_the_page_is_whole_and_needs_nothing_from_outside(measured):
    text = report.render(store.read(measured))
    page = Page(text)
    assert page.scripts == 2
    assert all(link.startswith("#") for link in page.links)
    assert len(text.encode()) < 6 << 20


def test_every_figure_is_in_the_page_without_javascript(measured):
    run = store.read(measured)
    words = " ".join(Page(report.render(run)).words)
    for question in ranking.questions(run):
        for place in question.places:
            assert place.cell.combination in words
            assert report.figures.ns(place.estimate.median) in words


def test_what_data_says_is_escaped(made_up):
    path = made_up("one")
    manifest = store.read_manifest(path)
    manifest["environment"]["cpu"] = "<img src=x onerror=alert(1)>"
    manifest["skipped"] = [{"name": "</script><script>alert(2)</script>", "reason": "<b>"}]
    store.write_manifest(path, manifest)
    text = report.render(store.read(path))
    assert "<img src=x" not in text
    assert "<script>alert(2)" not in text
    assert Page(text).scripts == 2


def test_failed_cells_are_shown_failed(made_up):
    run = store.read(made_up("one", failing="mutex"))
    text = report.render(run)
    assert text.count("FAILED: crashed: SIGABRT") == 2
    frame = frames.cells(run, ranking.questions(run))
    assert frame.filter(frame["channel"] == "mutex")["ns"].null_count() == 2


def test_ties_share_a_band(made_up):
    run = store.read(made_up("one", noise=0.02))
    ring, mutex = ranking.questions(run)[0].places
    assert (ring.band, mutex.band) == (1, 2)
    run = store.read(made_up("two", noise=0.02, scaled="mutex", scale=0.25))
    assert {place.band for place in ranking.questions(run)[0].places} == {1}


def test_plots_are_written_as_png_and_svg(measured, tmp_path):
    files = plot.write(store.read(measured), tmp_path / "plots", ["png", "svg"])
    assert {file.name for file in files} >= {"overview.png", "overview.svg", "ping_pong.png", "spawn_chain.svg"}
    for file in files:
        data = file.read_bytes()
        assert data.startswith(b"\x89PNG") if file.suffix == ".png" else re.match(rb"<svg", data)
        assert b"NaN" not in data or file.suffix == ".png"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.4567, "0.46"), (4.123, "4.12"), (33.14, "33.1"), (512.3, "512"), (8412, "8.41k"), (1.2e6, "1.20M")],
)
def test_figures_have_three_digits(value, shown):
    assert report.figures.ns(value) == shown
