"""What is written into a picture stays text, on a light page and on a dark one; nothing in it runs or is fetched."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.evidence.drawing import timeline as timeline_picture
from runbook_lib.evidence.drawing.svg import Box, Svg, plain
from runbook_lib.evidence.drawing.theme import COLORS, TEXT_COLOR, TextStyle, color, contrast, style_sheet
from runbook_lib.evidence.topology.drawing import FACES as TOPOLOGY
from tests.support.drawings import NS, parsed

FACES = {"body": TextStyle(12), "id": TextStyle(11, mono=True), "name": TextStyle(13, bold=True)}
ODD = st.one_of(
    st.text(), st.sampled_from(["</text><script>alert(1)</script>", "]]>&lt;", '" onload="x', "\x00\ud800"])
)
LINES = ("line", "public-line", "private-line", "waits", "acts", "settles", "bad", "accent")
SURFACES = ("page", "area", "thing", "public", "private")


def svg(title="t", words="w"):
    return Svg("odd", 100, 50, title=title, words=words, faces=FACES, styles={})


@example("", "", "\n")
@given(ODD, ODD, ODD)
def test_words_are_read_back_as_they_are_and_are_never_markup(title, words, told):
    """Of every alphabet; but for what XML cannot hold, and marks that turn a text around."""
    one = svg(title, words)
    before = len(list(parsed(one).iter()))
    with one.group("thing", told):
        one.text(1, 2, told, "body")
    root = parsed(one)
    assert "".join("".join(text.itertext()) for text in root.iter(f"{NS}text")) == plain(told)
    assert [root.findtext(f"{NS}{name}") or "" for name in ("title", "desc")] == [plain(title), plain(words)]
    assert len(list(root.iter())) == before + (4 if plain(told) else 1)


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f"])
def test_no_text_can_pass_for_another_by_turning_it_around(mark):
    assert plain(f"ours{mark}sruo") == "ours\ufffdsruo"


@pytest.mark.parametrize("look", ['a" onload="x', "<b>", "", "a;b"])
def test_what_is_no_word_can_be_no_class(look):
    with pytest.raises(ValueError, match="no plain word"):
        svg().rect(Box(0, 0, 1, 1), look)


@given(ODD, st.floats(0, 300), st.sampled_from(sorted(FACES)))
def test_a_text_is_cut_to_its_room_and_can_be_read_whole(told, room, face):
    told = plain(told)
    fitting = FACES[face].fit(told, room)
    assert fitting == told or (fitting.endswith("…") and told.startswith(fitting[:-1]))
    assert FACES[face].width(fitting) <= room or fitting in ("…", told[:0])
    one = svg()
    one.text(0, 10, told, face, room=room or 1)
    assert told in "".join("".join(text.itertext()) for text in parsed(one).iter(f"{NS}text"))


def test_the_pieces_of_a_line_share_its_room():
    one = svg()
    one.text(0, 10, [("a name", "name"), ("and what else there is to say of it", "body")], "name", room=120)
    (text,) = parsed(one).iter(f"{NS}text")
    spans = [(span.get("class"), span.text) for span in text.findall(f"{NS}tspan")]
    assert spans[0] == ("name", "a name")
    assert spans[1][1].startswith(" and")
    assert spans[1][1].endswith("…")
    assert text.findtext(f"{NS}title") == "a name and what else there is to say of it"


def test_nothing_in_it_runs_or_is_fetched():
    text = str(svg())
    assert "<script" not in text
    assert re.findall(r"href|url\(|@import|<image|foreignObject| on\w+=|https?://(?!www\.w3\.org/2000/svg)", text) == []


def test_it_tells_what_it_shows_to_those_who_cannot_see_it():
    """In the page, and where no picture can be."""
    one = svg("The network", "One zone.")
    root = parsed(one)
    ids = {element.get("id"): element.text for element in root if element.get("id")}
    assert root.get("role") == "img"
    assert [ids[name] for name in root.get("aria-labelledby").split()] == ["The network", "One zone."]
    assert repr(one) == "The network\nOne zone."
    ElementTree.fromstring(one._repr_svg_())


def test_its_styles_touch_no_other_picture():
    """Two of them stand in one page."""
    sheet = style_sheet("#odd", {"rect, .a": {"fill": "page"}, ".b .c": {"stroke": "line"}})
    selectors = [
        s for rule in re.findall(r"([^{}@]+)\{[^{}]*\}", sheet.replace("@media", "@")) for s in rule.split(",")
    ]
    assert [s for s in selectors if not s.strip().startswith("#odd ")] == []


def test_every_colour_has_a_light_and_a_dark_one_and_paper_is_light():
    light, dark = style_sheet("#odd", {".a": {"fill": "public", "opacity": "1"}}).split("@media screen and ")
    assert TEXT_COLOR["public"][0] in light
    assert dark == f"(prefers-color-scheme:dark){{#odd .a{{fill:{TEXT_COLOR['public'][1]}}}}}"


@pytest.mark.parametrize("page", [0, 1], ids=["light", "dark"])
def test_texts_can_be_read_on_whatever_they_stand(page):
    """4.5 to 1, which WCAG asks for of text."""
    colours = {face.colour for faces in (timeline_picture.FACES, TOPOLOGY) for face in faces.values()}
    poor = {
        (colour, surface): round(ratio, 2)
        for colour in colours | {"good", "bad", "acts"}
        for surface in SURFACES
        if (ratio := contrast(TEXT_COLOR[colour][page], TEXT_COLOR[surface][page])) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("page", [0, 1], ids=["light", "dark"])
def test_lines_and_bars_can_be_seen(page):
    """3 to 1, which WCAG asks for of what tells something; the parts of a bar also differ in height."""
    hues = {color(number): pair for number, pair in enumerate(COLORS)}
    seen = {name: (TEXT_COLOR | hues)[name] for name in (*LINES, *hues)}
    assert {n: p for n, p in seen.items() if contrast(p[page], TEXT_COLOR["page"][page]) < 3} == {}
    assert {n: p for n, p in hues.items() if contrast(p[page], TEXT_COLOR["area"][page]) < 3} == {}


def test_contrast_is_measured_as_wcag_does():
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
