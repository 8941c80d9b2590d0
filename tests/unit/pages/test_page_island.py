import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.pages.page import island, write_page

HOSTILE = "</script><script>alert(1)</script><!--<script>{{title}}{{data}}\u2028&amp;\"'"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_an_island_is_read_back_and_can_end_no_element(data):
    text = island(data)
    assert json.loads(text) == data
    assert not set("<>&") & set(text)
    assert text.isascii()


def test_what_is_no_number_becomes_null():
    assert json.loads(island({"a": [math.nan, math.inf, 1.5], "b": (math.nan,)})) == {"a": [None, None, 1.5], "b": [None]}


def test_hostile_text_stays_in_its_place(tmp_path):
    page = tmp_path / "page.html"
    write_page(page, "report", HOSTILE, {"text": HOSTILE}, {})
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == 2  # the island and the program
    assert text.count("</script>") == 2
    assert "alert(1)</script>" not in text
    assert json.loads(re.search(r'id="data">(.*)</script>', text)[1]) == {"text": HOSTILE}


def test_a_page_asks_nobody_for_anything(tmp_path):
    page = tmp_path / "page.html"
    for kind in ("report", "compare"):
        write_page(page, kind, "title", {}, {})
        text = page.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s\"')]+", text))
        assert addresses == {"http://www.w3.org/2000/svg"}  # a name, which no browser fetches
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_a_video_that_cannot_be_read_leaves_the_older_page(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("older")
    with pytest.raises(StoreError, match=r"gone\.mp4 cannot be embedded: No such file"):
        write_page(page, "report", "title", {}, {"video-0": tmp_path / "gone.mp4"})
    assert page.read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
