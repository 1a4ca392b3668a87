"""Upload the six raw files; `_SUCCESS` is written last, and only for a whole set."""

import tempfile
from pathlib import Path
from typing import Any

import click
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from glue.raw.athena_files import AthenaFile, write_for_athena
from glue.raw.files import check_raw_folder
from glue.settings import MANIFEST_KEY, SUCCESS_KEY, read_settings
from ml.tools.aws import client, is_missing, message
from ml.tools.progress import StepMaker, counted_step
from ml.tools.s3 import Location, read_json, write_json

_PART = 16 << 20  # bytes of one part; a larger file goes up in several, four at a time


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def upload(folder: Path) -> None:
    """Bring the six CSV files of FOLDER to the raw zone; that starts a run of the state machine."""
    for line in upload_folder(folder, read_settings().raw, counted_step):
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


def _upload(files: list[AthenaFile], raw: Location, step: StepMaker) -> list[str]:
    s3 = client("s3")
    manifest = {
        file.key: {"bytes": file.size, "sha256": file.sha256}
        for file in sorted(files, key=lambda file: file.key)
    }
    there = {file.key for file in files if _stored_sha256(s3, raw, file) == file.sha256}
    if len(there) == len(files) and _stored_manifest(s3, raw) == manifest:
        return [f"{raw} holds these six files already: nothing done."]
    s3.delete_object(Bucket=raw.bucket, Key=raw.key(SUCCESS_KEY))
    lines = []
    for file in files:
        if file.key in there:
            lines.append(f"{file.key}: unchanged, skipped")
        else:
            _send(s3, raw, file, step)
            lines.append(f"{file.key}: {file.size:,} bytes, sha256 {file.sha256[:12]}")
    write_json(s3, raw, MANIFEST_KEY, manifest)
    s3.put_object(Bucket=raw.bucket, Key=raw.key(SUCCESS_KEY), Body=b"")
    return [*lines, f"{raw}{SUCCESS_KEY} written: the set of six is complete."]


def _send(s3: Any, raw: Location, file: AthenaFile, step: StepMaker) -> None:  # noqa: ANN401
    try:
        with step(f"Uploading {file.key}", file.size) as advance, file.path.open("rb") as body:
            s3.upload_fileobj(
                body,
                raw.bucket,
                raw.key(file.key),
                ExtraArgs={"Metadata": {"sha256": file.sha256}, "ContentType": "text/csv"},
                Config=TransferConfig(
                    multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=4
                ),
                Callback=advance,
            )
    except (S3UploadFailedError, ClientError, OSError) as error:
        reason = message(error) or f"{error}."
        raise click.ClickException(
            f"{file.key} was not uploaded, and no _SUCCESS was written: {reason} Repeat the command"
            " to go on."
        ) from error


def _stored_sha256(s3: Any, raw: Location, file: AthenaFile) -> str | None:  # noqa: ANN401
    try:
        stored = s3.head_object(Bucket=raw.bucket, Key=raw.key(file.key))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    sha256: str | None = stored["Metadata"].get("sha256")
    return sha256 if stored["ContentLength"] == file.size else None


def _stored_manifest(s3: Any, raw: Location) -> Any:  # noqa: ANN401
    """Give the manifest of a whole set, or None."""
    try:
        s3.head_object(Bucket=raw.bucket, Key=raw.key(SUCCESS_KEY))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return read_json(s3, raw, MANIFEST_KEY)
