"""Every macro is described, and dbt holds what is said of its arguments against its definition."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.python.dbt_runs import Workspace, copy_project, dbt, make_workspace


def test_every_macro_is_described_beside_it(built_tiny_shop: Workspace) -> None:
    text = (built_tiny_shop.target / "manifest.json").read_text(encoding="utf-8")
    macros: list[dict[str, Any]] = list(json.loads(text)["macros"].values())
    ours = [macro for macro in macros if macro["package_name"] == "next_basket"]
    assert len(ours) > 60
    for macro in ours:
        name, file = macro["name"], Path(macro["original_file_path"])
        assert macro["description"], name
        assert macro["patch_path"] == f"next_basket://{file.with_suffix('.yml')}", name
        if not name.startswith("materialization_"):  # dbt makes up an argument for these
            for argument in macro["arguments"]:
                assert argument["description"], f"{name}: {argument['name']}"
                assert argument["type"], f"{name}: {argument['name']}"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(
            lambda text: text.replace("name: denominator", "name: divisor"),
            "Argument divisor in yaml for macro safe_ratio does not match the jinja definition",
            id="name",
        ),
        pytest.param(
            lambda text: text.replace("type: any", "type: anything", 1),
            "Argument numerator in the yaml for macro safe_ratio has an invalid type",
            id="type",
        ),
        pytest.param(
            lambda text: text.replace("  - name: real", "      - name: unit\n  - name: real"),
            "The number of arguments in the yaml for macro safe_ratio does not match",
            id="number",
        ),
    ],
)
def test_a_wrong_argument_stops_dbt(
    tiny_raw: Path, tmp_path: Path, change: Callable[[str], str], sentence: str
) -> None:
    project = copy_project(tmp_path / "project")
    described = project / "macros" / "safe_ratio.yml"
    described.write_text(change(described.read_text(encoding="utf-8")), encoding="utf-8")
    workspace = make_workspace(tmp_path / "workspace", tiny_raw, project)
    assert sentence in dbt(workspace, "parse", fails=True)
