"""Nothing that can run code is read from a file: a run may come from a bucket or a colleague."""

import ast
from collections.abc import Iterator

import pytest

from ml.tools.paths import ROOT

MODULES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
# allow_pickle is False by default, and has to be written nevertheless
NUMPY = {"np.load", "numpy.load"}
OTHERS = {"eval", "exec", "pd.read_pickle", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}


def unsafe(source: str) -> Iterator[str]:
    """Name what could run code that a file holds."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from {str(node.module)} if str(node.module).split(".")[0] in MODULES else ()
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            refuses = any(ast.unparse(one) == "allow_pickle=False" for one in node.keywords)
            if name in OTHERS or (name in NUMPY and not refuses):
                yield name


@pytest.mark.parametrize("package", ["ml", "glue"])
def test_no_program_reads_what_can_run_code(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = {str(file): list(unsafe(file.read_text(encoding="utf-8"))) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import joblib", ["joblib"]),
        ("from pickle import load", ["pickle"]),
        ("np.load(file)", ["np.load"]),
        ("np.load(file, allow_pickle=True)", ["np.load"]),
        ("np.load(file, allow_pickle=False)", []),
        ("pd.read_pickle(file)", ["pd.read_pickle"]),
        ("yaml.load(text, Loader)", ["yaml.load"]),
        ("yaml.safe_load(text)", []),
        ("eval(text)", ["eval"]),
    ],
)
def test_the_search_finds(source: str, named: list[str]) -> None:
    assert list(unsafe(source)) == named
