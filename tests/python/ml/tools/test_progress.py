"""What a log is told while a step goes on."""

import pytest

from ml.tools import progress


def test_a_log_hears_how_far_a_step_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0, 0, 30, 90, 100, 200])
    monkeypatch.setattr("ml.tools.progress.time.perf_counter", lambda: next(seconds))
    with progress.counted_step("reasons", 400) as advance:
        advance(100)
        advance(200)
        advance(50)
    assert capsys.readouterr().err.splitlines() == [
        "reasons: 75%, about 30 s are left",
        "reasons: 200.0 s",
    ]
