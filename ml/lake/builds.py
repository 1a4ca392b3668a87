"""What built the tables of the lake, as dbt wrote it down (macros/built_tables.sql)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import click
import duckdb


@dataclass(frozen=True)
class Build:
    """
    What a table was built with.

    Attributes
    ----------
    mode, windows
        dbt's vars; None for a table that does not depend on them.
    version
        Of the project.
    raw_files
        For each raw file that the rows come from, every version of it: size and time. Empty on
        Athena, where it is not known.

    """

    mode: str | None
    windows: int | None
    version: str
    raw_files: Mapping[str, frozenset[str]] = field(default_factory=dict)


def local_builds(connection: duckdb.DuckDBPyConnection) -> dict[str, Build]:
    """Read what built the tables of the schema in use; of older lakes nothing is known."""
    try:
        rows = connection.execute(
            "select table_name, mode, windows, version, raw_files from builds.tables"
            " where schema_name = current_schema()"
        ).fetchall()
    except duckdb.CatalogException:
        return {}
    builds = {}
    for name, mode, windows, version, raw_files in rows:
        versions: dict[str, set[str]] = {}
        for file in raw_files:
            told = f"{file['bytes']} bytes of {file['modified_at']} UTC"
            versions.setdefault(file["name"], set()).add(told)
        frozen = {file: frozenset(found) for file, found in versions.items()}
        builds[name] = Build(mode, windows, version, frozen)
    return builds


def glue_build(parameters: Mapping[str, str]) -> Build | None:
    """Read what built a table from the parameters of its entry in the Glue catalog."""
    if "built_version" not in parameters:
        return None
    windows = parameters.get("built_windows")
    return Build(
        parameters.get("built_mode"), int(windows) if windows else None, parameters["built_version"]
    )


def check_one_build(builds: Mapping[str, Build | None]) -> None:
    """
    Refuse tables that do not belong together.

    Parameters
    ----------
    builds
        What built each table, by its name; None where nothing is known.

    Raises
    ------
    click.ClickException
        If two tables were built with other vars, by other versions of the project or from other
        raw files, or if nothing is known of one.

    """
    again = f"Build everything anew, {_build_command(builds)}, then export again."
    first: dict[str, tuple[str, str]] = {}  # of each thing that is told: a table, and its value
    for name, build in builds.items():
        if build is None:
            raise click.ClickException(f"Nothing says what built table {name}. {again}")
        for thing, values in _told(build).items():
            value = " and ".join(sorted(values))
            other_name, other_value = first.setdefault(thing, (name, value))
            if len(values) > 1:
                raise click.ClickException(
                    f"Table {name} was built from tables of different builds,"
                    f" {thing} ({value}). {again}"
                )
            if value != other_value:
                raise click.ClickException(
                    f"Tables of different builds: {other_name} is of {thing} ({other_value}),"
                    f" {name} of {thing} ({value}). {again}"
                )


def _told(build: Build) -> dict[str, frozenset[str]]:
    told = {"project version": frozenset([build.version])}
    if build.windows is not None:
        told["vars"] = frozenset([f"mode: {build.mode}, windows: {build.windows}"])
    return told | {f"raw file {name}": files for name, files in build.raw_files.items()}


def _build_command(builds: Mapping[str, Build | None]) -> str:
    build = builds["candidates"]
    if build is None:
        return "`dbt build` with its --vars"
    return f"`dbt build --vars '{{mode: {build.mode}, windows: {build.windows}}}'`"
