"""What an upload sends is read by Athena's reader as the local build reads the file itself."""

from pathlib import Path

from tests.athena_api import RunningApi
from tests.python.athena.athena_runs import query
from tests.python.tiny_shop import write_tiny_shop

# names as a file holds them, and what an RFC 4180 reader makes of them that takes a bare quote as
# it is
NAMES = {
    'Cedar Tea 9"': 'Cedar Tea 9"',
    'Brook "Rye"': 'Brook "Rye"',
    'a"b"c': 'a"b"c',
    '9"" Loaf': '9"" Loaf',
    '"9"" Loaf"': '9" Loaf',
    '"""Old"" Cheese"': '"Old" Cheese',
    '"Cheese \\""Old\\"""': 'Cheese \\"Old\\"',
    '"Bread, Rye"': "Bread, Rye",
    '",;"': ",;",
    '""""': '"',
    '""': "",
    "": "",
    "C:\\": "C:\\",
    '"C:\\"': "C:\\",
    "\\": "\\",
    '\\"': '\\"',
    " a ": " a ",
    '" a "': " a ",
    "tab\there": "tab\there",
    "'": "'",
    "#1": "#1",
    "NULL": "NULL",
    "\\N": "\\N",
    "酒 🥖": "酒 🥖",
}


def test_names_arrive_as_the_local_build_reads_them(
    session_api: RunningApi, tmp_path: Path
) -> None:
    write_tiny_shop(tmp_path)
    rows = "".join(f"{place},{name}\n" for place, name in enumerate(NAMES))
    (tmp_path / "aisles.csv").write_text(f"aisle_id,aisle\n{rows}", encoding="utf-8")
    session_api.upload_raw(tmp_path)
    found = query(session_api, "select cast(aisle_id as bigint), aisle from raw.aisles order by 1")
    assert [name for _, name in found] == list(NAMES.values())
