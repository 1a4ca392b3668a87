"""Upload the six raw files; `_SUCCESS` is written last, and only for a whole set."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from glue.raw.athena_files import AthenaFile, write_for_athena
from glue.raw.files import check_raw_folder
from glue.raw.loads import (
    ORDER_LINES,
    PRODUCTS,
    find_loads,
    is_folder_of_loads,
    marker_of,
    products_file,
    stored_name,
    write_shop_file,
)
from glue.settings import MANIFEST_KEY, SUCCESS_KEY, read_settings
from ml.tools.aws import client, is_missing, message
from ml.tools.hashes import sha256_of_file
from ml.tools.progress import StepMaker, counted_step
from ml.tools.s3 import Location, list_objects, read_json, write_json

_PART = 16 << 20  # bytes of one part; a larger file goes up in several, four at a time


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def upload(folder: Path) -> None:
    """
    Bring the raw files of FOLDER to the raw zone; that starts a run of the state machine.

    These are the six CSV files, or loads of order lines, of which those go up that are not there.
    """
    send = upload_loads if is_folder_of_loads(folder) else upload_folder
    for line in send(folder, read_settings().raw, counted_step):
        click.echo(line)


def upload_folder(folder: Path, raw: Location, step: StepMaker) -> list[str]:
    """
    Check the files, upload what changed of them, then write the manifest and `_SUCCESS`.

    An upload that was interrupted is taken up again by the same call: what arrived whole is known
    by its sha256 and is skipped. While a file of the set is being replaced there is no `_SUCCESS`.

    Parameters
    ----------
    folder
        Holds the six files, plain or gzipped; they are stored as plain CSV that both engines read
        alike, with the columns of the contract alone.
    raw
        The raw zone: a versioned bucket, so that a replaced file can be brought back.

    Returns
    -------
    list of str
        A line for each file, and one for the set.

    Raises
    ------
    click.ClickException
        If a file is damaged (nothing is written then) or does not arrive.

    """
    files = check_raw_folder(folder, step)
    lines = [f"{file.path}: {file.header.extra}" for file in files if file.header.extra]
    with tempfile.TemporaryDirectory(prefix="next-basket-upload-") as scratch:
        return lines + _upload(write_for_athena(files, Path(scratch), step), raw, step)


def upload_loads(folder: Path, raw: Location, step: StepMaker) -> list[str]:
    """
    Check and upload the products and each load that is not there, its marker last.

    What is there of a load that changed is replaced: first its marker goes, last it comes back.
    Loads of the zone that the folder does not have stay.

    Parameters
    ----------
    folder
        Holds order_lines/load_date=<day>/ and products/.
    raw
        The raw zone.

    Returns
    -------
    list of str
        A line for each load that was sent.

    Raises
    ------
    click.ClickException
        If a file is damaged, does not arrive, or loads are CSV here and Parquet there.

    """
    s3 = client("s3")
    loads = find_loads(folder)
    products = products_file(folder)
    kinds = {Path(stored_name(path)).suffix for load in loads for path in load.files}
    there = {Path(each.key).suffix for each in list_objects(s3, raw.below(ORDER_LINES))}
    if len(kinds | there) > 1:
        raise click.ClickException(
            f"Loads are {' and '.join(sorted(kinds | there))} files, in {folder} and {raw}"
            " together: one table on Athena reads one kind. Write them all as the ones that are"
            " there."
        )
    lines = []
    with tempfile.TemporaryDirectory(prefix="next-basket-upload-") as scratch:
        place = f"{PRODUCTS}/"
        files = _write_shop_files((products,), PRODUCTS, Path(scratch) / PRODUCTS, place)
        if _send_changed(s3, raw, files, step, within=place):
            lines.append(f"{PRODUCTS}: {_bytes(files):,} bytes")
        for load in loads:
            place = f"{ORDER_LINES}/load_date={load.day}/"
            files = _write_shop_files(load.files, ORDER_LINES, Path(scratch) / load.day, place)
            if _send_changed(s3, raw, files, step, within=place, marker=marker_of(load.day)):
                lines.append(f"load {load.day}: {_bytes(files):,} bytes")
            shutil.rmtree(Path(scratch) / load.day)
    return lines or [f"{raw} holds these {len(loads)} loads already: nothing done."]


def _write_shop_files(
    sources: tuple[Path, ...], table: str, folder: Path, place: str
) -> list[tuple[Path, str]]:
    """Write files for Athena, and give each with its key below the raw zone."""
    folder.mkdir()
    written: dict[Path, Path] = {}
    for source in sources:
        path = folder / stored_name(source)
        if path in written:
            raise click.ClickException(
                f"{written[path]} and {source} would both be {place}{path.name}: rename one."
            )
        write_shop_file(source, table, path)
        written[path] = source
    return [(path, place + path.name) for path in written]


def _bytes(files: list[tuple[Path, str]]) -> int:
    return sum(path.stat().st_size for path, _ in files)


def _send_changed(  # noqa: PLR0913 - a set of files and where it goes
    s3: Any,  # noqa: ANN401
    raw: Location,
    files: list[tuple[Path, str]],
    step: StepMaker,
    *,
    within: str,
    marker: str = "",
) -> bool:
    """Send files unless they are there; what else lies `within` goes, the marker comes last."""
    digests = {key: sha256_of_file(path) for path, key in files}
    keys = set(digests)
    place = Location(raw.bucket, raw.key(within))
    strangers = {each.key.removeprefix(raw.prefix) for each in list_objects(s3, place)} - keys
    changed = [
        (path, key)
        for path, key in files
        if stored_sha256(s3, raw, key, path.stat().st_size) != digests[key]
    ]
    is_marked = not marker or stored_sha256(s3, raw, marker, 0) == ""
    if not changed and not strangers and is_marked:
        return False
    if marker:
        s3.delete_object(Bucket=raw.bucket, Key=raw.key(marker))
    for key in strangers:
        s3.delete_object(Bucket=raw.bucket, Key=raw.key(key))
    for path, key in changed:
        send_file(s3, raw, path, key, digests[key], step=step)
    if marker:
        s3.put_object(Bucket=raw.bucket, Key=raw.key(marker), Body=b"", Metadata={"sha256": ""})
    return True


def _upload(files: list[AthenaFile], raw: Location, step: StepMaker) -> list[str]:
    s3 = client("s3")
    manifest = {
        file.key: {"bytes": file.size, "sha256": file.sha256}
        for file in sorted(files, key=lambda file: file.key)
    }
    there = {
        file.key for file in files if stored_sha256(s3, raw, file.key, file.size) == file.sha256
    }
    if len(there) == len(files) and _stored_manifest(s3, raw) == manifest:
        return [f"{raw} holds these six files already: nothing done."]
    s3.delete_object(Bucket=raw.bucket, Key=raw.key(SUCCESS_KEY))
    lines = []
    for file in files:
        if file.key in there:
            lines.append(f"{file.key}: unchanged, skipped")
        else:
            send_file(s3, raw, file.path, file.key, file.sha256, step=step)
            lines.append(f"{file.key}: {file.size:,} bytes, sha256 {file.sha256[:12]}")
    write_json(s3, raw, MANIFEST_KEY, manifest)
    s3.put_object(Bucket=raw.bucket, Key=raw.key(SUCCESS_KEY), Body=b"")
    return [*lines, f"{raw}{SUCCESS_KEY} written: the set of six is complete."]


def send_file(  # noqa: PLR0913 - a file and where it goes
    s3: Any,  # noqa: ANN401
    raw: Location,
    path: Path,
    key: str,
    sha256: str,
    *,
    step: StepMaker,
) -> None:
    """
    Upload a file with its sha256.

    Raises
    ------
    click.ClickException
        If it does not arrive.

    """
    try:
        with step(f"Uploading {key}", path.stat().st_size) as advance, path.open("rb") as body:
            s3.upload_fileobj(
                body,
                raw.bucket,
                raw.key(key),
                ExtraArgs={"Metadata": {"sha256": sha256}, "ContentType": "text/csv"},
                Config=TransferConfig(
                    multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=4
                ),
                Callback=advance,
            )
    except (S3UploadFailedError, ClientError, OSError) as error:
        reason = message(error) or f"{error}."
        raise click.ClickException(
            f"{key} was not uploaded, and no _SUCCESS was written: {reason} Repeat the command"
            " to go on."
        ) from error


def stored_sha256(s3: Any, raw: Location, key: str, size: int) -> str | None:  # noqa: ANN401
    """Give the sha256 that a stored object of this size was uploaded with; None without one."""
    try:
        stored = s3.head_object(Bucket=raw.bucket, Key=raw.key(key))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    sha256: str | None = stored["Metadata"].get("sha256")
    return sha256 if stored["ContentLength"] == size else None


def _stored_manifest(s3: Any, raw: Location) -> Any:  # noqa: ANN401
    """Give the manifest of a whole set, or None."""
    try:
        s3.head_object(Bucket=raw.bucket, Key=raw.key(SUCCESS_KEY))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return read_json(s3, raw, MANIFEST_KEY)
