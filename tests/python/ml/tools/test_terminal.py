"""Tables on a terminal and elsewhere: nothing is cut off, and no cell is taken for markup."""

import pytest

from ml.tools.terminal import print_table

LONG = "word " * 40 + "x" * 100
ROWS = [["one", "1", "[bold]:smile:"], [], ["all", "12345678", LONG]]


def test_plain_table_is_aligned_and_keeps_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "figure", "reason"), ROWS, left_at_end=1)
    heading, one, *rest = capsys.readouterr().out.splitlines()
    assert heading.rstrip() == "name    figure  reason"
    assert one.rstrip() == "one          1  [bold]:smile:"
    assert rest[0].startswith("all   12345678  word word")
    assert "".join("".join(rest).split()) == "all12345678" + LONG.replace(" ", "")


def test_terminal_draws_sections_and_folds_what_is_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    print_table(("name", "figure", "reason"), ROWS, left_at_end=1)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(set(line.strip()) == {"─"} for line in lines) == 4, "top, heading, section, end"
    assert sum(line.count("x") for line in lines) == 100
    assert any("12345678" in line for line in lines)
