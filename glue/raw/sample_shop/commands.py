"""The commands that invent a shop."""

from pathlib import Path

import click

from glue.raw.sample_shop.files import ShopExistsError, prepare_folder, write_shop
from glue.raw.sample_shop.simulation import simulate_shop
from ml.tools.paths import raw_dir
from ml.tools.progress import counted_step

DEFAULT_USERS = 600
DEFAULT_SEED = 1
MOST_USERS = 1_000_000  # about 4 GB of memory, reckoned from the full size


@click.command("sample-shop")
@click.option(
    "--users", type=click.IntRange(1, MOST_USERS), default=DEFAULT_USERS, help="Number of shoppers."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, help="The same seed, the same shop."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=raw_dir,
    show_default="RAW_DIR, or raw",
    help="Folder of the six files; made if missing, never overwritten.",
)
def sample_shop(users: int, seed: int, out: Path) -> None:
    """Invent a grocery shop in the shape of the Instacart 2017 files."""
    _make_shop(users, seed, out)
    click.echo(f"Wrote a sample shop of {users:,} shoppers (seed {seed}) to {out}.")


@click.command("ensure-raw")
def ensure_raw() -> None:
    """Fill RAW_DIR with a sample shop if it is missing or empty."""
    folder = raw_dir()
    try:
        # Hidden files do not count: a .gitkeep or an interrupted run is no data.
        filled = folder.is_dir() and any(path.name[0] != "." for path in folder.iterdir())
    except OSError as error:
        raise click.ClickException(f"Cannot read {folder}: {error.strerror}.") from error
    if filled:
        click.echo(f"{folder} holds files already: nothing done.")
        return
    _make_shop(DEFAULT_USERS, DEFAULT_SEED, folder)
    click.echo(
        f"{folder} was empty: filled with a sample shop of {DEFAULT_USERS:,} shoppers "
        f"(seed {DEFAULT_SEED})."
    )


def _make_shop(users: int, seed: int, folder: Path) -> None:
    """Simulate and write a shop, or raise a ClickException that says why not."""
    try:
        prepare_folder(folder)
        write_shop(simulate_shop(users, seed, step=counted_step), folder, step=counted_step)
    except ShopExistsError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"Cannot write the sample shop to {folder}: {error.strerror or error}."
        ) from error
