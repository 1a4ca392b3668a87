"""Raw files lie apart from everything that is written, and writing goes where dbt says."""

from typing import Any

from glue.settings import Settings
from ml.tools.s3 import Location


def location_faults(settings: Settings, athena: Any, s3: Any) -> list[str]:  # noqa: ANN401
    """
    Say what about the buckets and the work group puts raw files or tables at risk.

    dbt deletes what lies under a table's location when it replaces the table; a lifecycle rule
    deletes old query results. The build refuses the first kind of fault itself, against what is
    catalogued (macros/check_locations.sql); here it is found before there is any table.

    Parameters
    ----------
    settings
        Names and places of the installation.
    athena, s3
        Clients.

    Returns
    -------
    list of str
        One sentence for each fault; empty if there is none.

    """
    places = {
        "the lake (ATHENA_LAKE)": settings.lake,
        "the query results (ATHENA_RESULTS)": settings.results,
        "the artifacts (NEXT_BASKET_ARTIFACTS)": settings.artifacts,
    }
    faults = [
        f"The raw zone {settings.raw} and {name} {place} lie within each other: raw files would be"
        " deleted with what is written there. Give them buckets or prefixes of their own."
        for name, place in places.items()
        if overlap(settings.raw, place)
    ]
    if overlap(settings.lake, settings.results):
        faults.append(
            f"The lake {settings.lake} and the query results {settings.results} lie within each"
            " other: tables would expire with the results. Give them prefixes of their own."
        )
    if settings.raw_database == settings.lake_database:
        faults.append(
            f"Raw tables and dbt's tables share the Glue database {settings.raw_database}: dbt"
            " replaces tables there. Set ATHENA_SCHEMA to another one."
        )
    return [*faults, *_work_group_faults(settings, athena), *_versioning_faults(settings, s3)]


def overlap(one: Location, other: Location) -> bool:
    """Tell whether one place is the other, or lies within it."""
    return one.bucket == other.bucket and (
        one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    )


def _work_group_faults(settings: Settings, athena: Any) -> list[str]:  # noqa: ANN401
    found = athena.get_work_group(WorkGroup=settings.work_group)["WorkGroup"]["Configuration"]
    if not found.get("EnforceWorkGroupConfiguration"):
        return []
    sentence = (
        f"Work group {settings.work_group} enforces its own output location: tables would land"
        " among query results and expire with them. Set EnforceWorkGroupConfiguration to false."
    )
    return [sentence]


def _versioning_faults(settings: Settings, s3: Any) -> list[str]:  # noqa: ANN401
    if s3.get_bucket_versioning(Bucket=settings.raw.bucket).get("Status") == "Enabled":
        return []
    sentence = (
        f"Bucket {settings.raw.bucket} keeps no versions: what is deleted or overwritten in the"
        " raw zone would be lost. Enable versioning."
    )
    return [sentence]
