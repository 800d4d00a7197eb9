"""Text in a drawing stays text and is readable in light and dark mode; a drawing runs and loads nothing."""

import base64
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.evidence.drawing import timeline
from runbook_lib.evidence.drawing.svg import Box, Svg, one_line
from runbook_lib.evidence.drawing.theme import PALETTE, SERIES_COLORS, TextStyle, series_color, style_sheet
from runbook_lib.evidence.topology.drawing import TEXT_STYLES as TOPOLOGY
from tests.support.drawings import NS, overflowing_texts, parse

TEXT_STYLES = {"body": TextStyle(12), "id": TextStyle(11, mono=True), "name": TextStyle(13, bold=True)}
ODD = st.one_of(
    st.text(), st.sampled_from(["</text><script>alert(1)</script>", "]]>&lt;", '" onload="x', "\x00\ud800"])
)
LINES = ("line", "public-line", "private-line", "waits", "acts", "settles", "bad", "accent")
SURFACES = ("page", "area", "thing", "public", "private")


def svg(title="t", description="w"):
    return Svg("odd", 100, 50, title=title, description=description, text_styles=TEXT_STYLES, styles={})


@example("", "", "\n")
@given(ODD, ODD, ODD)
def test_text_is_escaped(title, description, text):
    """In every alphabet, except for characters that XML cannot hold or that change the direction of text."""
    one = svg(title, description)
    before = len(list(parse(one).iter()))
    with one.group("thing", text):
        one.text(1, 2, text, "body")
    root = parse(one)
    assert "".join("".join(text.itertext()) for text in root.iter(f"{NS}text")) == one_line(text)
    assert [root.findtext(f"{NS}{name}") or "" for name in ("title", "desc")] == [
        one_line(title),
        one_line(description),
    ]
    assert len(list(root.iter())) == before + (4 if one_line(text) else 1)


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f"])
def test_direction_marks_are_replaced(mark):
    assert one_line(f"ours{mark}sruo") == "ours\ufffdsruo"


@pytest.mark.parametrize("css_class", ['a" onload="x', "<b>", "", "a;b"])
def test_a_class_must_be_a_word(css_class):
    with pytest.raises(ValueError, match="is not a word"):
        svg().rect(Box(0, 0, 1, 1), css_class)


@given(ODD, st.floats(50, 300), st.sampled_from(sorted(TEXT_STYLES)))
def test_a_text_is_cut_to_its_room_and_stands_in_full_below(text, room, style):
    text = one_line(text)
    one = svg()
    height = one.height
    assert one.text(0, 10, text, style, room=room) <= room
    one.list_cut_texts(5, style)
    shown, *below = ["".join(line.itertext()) for line in parse(one).iter(f"{NS}text")] or [""]
    if TEXT_STYLES[style].width(text) <= room:
        assert (shown, below, one.height) == (text, [], height)
    else:
        assert "… [1]" in shown
        assert "".join(below).replace(" ", "") == f"[1]{text}".replace(" ", "")
        assert one.height > height
        assert overflowing_texts(one) == []


def test_the_pieces_of_a_line_share_its_room():
    one = svg()
    one.text(0, 10, [("a name", "name"), ("and what else there is to say of it", "body")], "name", room=140)
    (text,) = parse(one).iter(f"{NS}text")
    spans = [(span.get("class"), span.text) for span in text.findall(f"{NS}tspan")]
    assert spans[0] == ("name", "a name")
    assert spans[1][1].startswith(" and")
    assert spans[1][1].endswith("… [1]")
    assert text.findtext(f"{NS}title") == "a name and what else there is to say of it"


def test_a_text_that_is_cut_twice_is_listed_once():
    one = svg()
    for y, text in enumerate(["a" * 99, "b" * 99, "a" * 99]):
        one.text(0, 10 * y, text, "name", room=100)
    one.list_cut_texts(5, "name")
    shown = "\n".join("".join(line.itertext()) for line in parse(one).iter(f"{NS}text"))
    assert (shown.count("… [1]"), shown.count("… [2]"), shown.count("\n[1] "), shown.count("\n[2] ")) == (2, 1, 1, 1)


@given(st.text(alphabet="ab W.-", max_size=200), st.floats(30, 200))
def test_a_wrapped_text_has_all_its_letters_and_no_line_that_is_too_wide(text, width):
    lines = TEXT_STYLES["name"].wrap(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(TEXT_STYLES["name"].width, lines)) <= width


def test_it_runs_and_loads_nothing():
    text = str(svg())
    assert "<script" not in text
    assert re.findall(r"href|url\(|@import|<image|foreignObject| on\w+=|https?://(?!www\.w3\.org/2000/svg)", text) == []


def test_it_has_a_text_alternative():
    """In the page, and where SVG is not supported."""
    one = svg("The network", "One zone.")
    root = parse(one)
    ids = {element.get("id"): element.text for element in root if element.get("id")}
    assert root.get("role") == "img"
    assert [ids[name] for name in root.get("aria-labelledby").split()] == ["The network", "One zone."]
    assert repr(one) == "The network\nOne zone."
    ElementTree.fromstring(one._repr_svg_())


def test_its_styles_do_not_affect_other_drawings():
    """A page may have two of them."""
    sheet = style_sheet("#odd", {"rect, .a": {"fill": "page"}, ".b .c": {"stroke": "line"}})
    selectors = [
        s for rule in re.findall(r"([^{}@]+)\{[^{}]*\}", sheet.replace("@media", "@")) for s in rule.split(",")
    ]
    assert [s for s in selectors if not s.strip().startswith("#odd ")] == []


def test_every_colour_has_a_light_and_a_dark_one_and_paper_is_light():
    light, dark = style_sheet("#odd", {".a": {"fill": "public", "opacity": "1"}}).split("@media screen and ")
    assert PALETTE["public"][0] in light
    assert dark == f"(prefers-color-scheme:dark){{#odd .a{{fill:{PALETTE['public'][1]}}}}}"


@pytest.mark.parametrize("page", [0, 1], ids=["light", "dark"])
def test_texts_have_enough_contrast_on_every_surface(page):
    """4.5 to 1, which WCAG requires of text."""
    names = {style.color for text_styles in (timeline.TEXT_STYLES, TOPOLOGY) for style in text_styles.values()}
    poor = {
        (name, surface): round(ratio, 2)
        for name in names | {"good", "bad", "acts"}
        for surface in SURFACES
        if (ratio := contrast(PALETTE[name][page], PALETTE[surface][page])) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("page", [0, 1], ids=["light", "dark"])
def test_lines_and_bars_can_be_seen(page):
    """3 to 1, which WCAG requires of graphics; the parts of a bar also differ in height."""
    series = {series_color(number): pair for number, pair in enumerate(SERIES_COLORS)}
    shown = {name: (PALETTE | series)[name] for name in (*LINES, *series)}
    assert {n: p for n, p in shown.items() if contrast(p[page], PALETTE["page"][page]) < 3} == {}
    assert {n: p for n, p in series.items() if contrast(p[page], PALETTE["area"][page]) < 3} == {}


def contrast(one, other):
    """The contrast ratio of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_is_measured_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_in_a_notebook_it_fits_its_column_and_opens_in_full_size():
    """JupyterLab shows an SVG in its own width, and cuts what does not fit."""
    svg = Svg("topology", 1100, 40, title='A "title"', description="Words.", text_styles={}, styles={})
    assert "<a " not in svg._repr_html_()
    svg.link = "../artifacts/local/run/topology.svg"
    link, picture = re.findall(r"<(?:a|img) [^>]*>", svg._repr_html_())
    assert 'href="../artifacts/local/run/topology.svg"' in link
    assert 'style="max-width:100%;height:auto"' in picture
    assert 'alt="A &quot;title&quot;. Words."' in picture
    assert base64.b64decode(re.search(r'base64,([^"]+)', picture)[1]).decode() == str(svg)
