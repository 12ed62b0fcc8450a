"""`kg fetch`."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.cli.options import several
from kg.cli.output import Json, note, progress, show, table
from kg.errors import KgError

if TYPE_CHECKING:
    from kg.data import Dataset
    from kg.data.fetching.fetch import Fetched, Planned
    from kg.data.fetching.order import Order


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Data set; kg list shows them.")],
    category: Annotated[
        list[str] | None,
        typer.Option(
            "--category", "-c", help="Category, if they come one by one; several separated by commas."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH|URL",
            help="Folder or archive that you obtained, its address, or a mirror.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the files, their sizes and where they would go.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept the licence without being asked.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch even what is there already.")] = False,
    as_json: Json = False,
) -> None:
    """Get a data set: download it, or take your copy of it.

    kg fetch keypointnet --category airplane        download a part
    kg fetch keypointnet --dry-run                  files, bytes, place
    kg fetch clothesnet                             how to obtain it
    kg fetch clothesnet --from ClothesNetData.zip   take what you obtained
    kg fetch shapenet --from https://mirror.org/shapenet/

    Files that are there are skipped. The same command continues an interrupted
    download. Every file is checked against its size and SHA-256, the published
    one or that of its first download.

    The password of an encrypted zip is asked for, or taken from KG_PASSWORD.
    Proxies and certificates are those of the environment: HTTPS_PROXY, NO_PROXY,
    REQUESTS_CA_BUNDLE, SSL_CERT_FILE.
    """
    from kg import paths, plugins

    dataset = plugins.DATASETS.load(name)()
    folder = paths.raw(name)
    if dataset.builtin:
        result = {"dataset": name, "builtin": True, "fetched": False, "folder": None}
        show(result, as_json, f"{name} is built in: nothing to fetch. Next: kg prepare {name}")
        return
    from kg.data.fetching import fetch as work

    with _order(dataset, folder, tuple(several(category, "--category")), source, force, yes) as order:
        done = work.plan(order) if dry_run else work.fetch(order)
    if isinstance(done, work.Fetched):
        _report(order, done, as_json)
    else:
        _report_plan(order, done, as_json)


@contextmanager
def _order(
    dataset: "Dataset", folder: Path, categories: tuple[str, ...], source: str | None, force: bool, yes: bool
) -> "Iterator[Order]":
    """Yield the order, and show a bar for each thing that it does."""
    from kg.data.fetching.order import Order

    with ExitStack() as bars:
        shown: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in shown:
                hide()
                shown[what] = bars.enter_context(progress(f"{what} {dataset.name}", of_bytes=True))
            shown[what](done, total)

        def hide() -> None:
            bars.close()
            shown.clear()

        def password(path: Path) -> str:
            from kg.data.fetching.archive import PASSWORD_HINT, PasswordError

            if "KG_PASSWORD" in os.environ:
                return os.environ["KG_PASSWORD"]
            if not sys.stdin.isatty():
                raise PasswordError(f"{path} is encrypted.", PASSWORD_HINT)
            hide()
            answer: str = typer.prompt(f"Password of {path.name}", hide_input=True, err=True)
            return answer

        yield Order(
            dataset,
            folder,
            categories,
            source,
            force,
            progress=advance,
            warn=lambda text: note(text, "warning"),
            consent=lambda: _ask(dataset, folder, yes),
            password=password,
        )


def _ask(dataset: "Dataset", folder: Path, yes: bool) -> None:
    """Show the licence, and ask whether it is taken."""
    note(f"{dataset.title}, from {dataset.url or 'its authors'}")
    note(f"Licence: {dataset.licence}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise KgError(
            f"The licence of {dataset.name} has to be taken before a first download.",
            f"Nobody can be asked here. If you take it: kg fetch {dataset.name} --yes",
        )
    if not typer.confirm(f"Download it to {folder}?", err=True):
        raise KgError("Nothing was fetched.")


def _report_plan(order: "Order", planned: "list[Planned]", as_json: bool) -> None:
    import shutil

    exact = all(part.exact for part in planned)
    files, size = sum(part.files for part in planned), sum(part.size for part in planned)
    here = sum(path.stat().st_size for path in order.partial.rglob("*") if path.is_file())
    place = next(parent for parent in order.folder.parents if parent.exists())
    free = shutil.disk_usage(place).free
    rows = [[part.part or "all", part.files, megabytes(part.size)] for part in planned]
    show(
        {
            "dataset": order.dataset.name,
            "dry_run": True,
            "licence": order.dataset.licence,
            "folder": str(order.folder),
            "parts": [vars(part) for part in planned],
            "files": files,
            "bytes": size,
            "exact": exact,
            "begun_bytes": here,
            "free_bytes": free,
        },
        as_json,
        *([table("", ["part", "files", "MB"], rows)] if len(rows) > 1 else []),
        f"{_count_files(files)}, {'' if exact else 'about '}{megabytes(size)} MB, to {order.folder}"
        if planned
        else f"All is there: {order.folder}",
        *([f"{megabytes(here)} MB of that are here, from a fetch that was cut short."] if here else []),
        f"{megabytes(free)} MB are free there. Licence: {order.dataset.licence}",
    )


def _report(order: "Order", fetched: "Fetched", as_json: bool) -> None:
    dataset = order.dataset
    if order.categories and order.parts() == [None]:
        note(f"{dataset.name} comes as a whole, with all its categories.")
    if not fetched.files:
        note(f"{dataset.name} was fetched before; fetch it again with --force.")
    elif not order.is_download:
        note(f"Licence: {dataset.licence}")
    _tell_of_checksums(fetched, order.folder)
    show(
        {
            "dataset": dataset.name,
            "builtin": False,
            "fetched": bool(fetched.files),
            "folder": str(order.folder),
            "files": fetched.files,
            "bytes": fetched.size,
            "first_checksums": fetched.unpublished,
        },
        as_json,
        f"Fetched {dataset.name}, {_count_files(fetched.files)}, {megabytes(fetched.size)} MB: {order.folder}"
        if fetched.files
        else f"Found {dataset.name}: {order.folder}",
        f"Next: kg prepare {dataset.name}"
        + (f" --category {','.join(order.categories)}" if order.categories else ""),
    )


def _tell_of_checksums(fetched: "Fetched", folder: Path) -> None:
    from kg.data.fetching.record import NAME

    if fetched.unpublished:
        note(
            f"No SHA-256 is published for {_count_files(fetched.unpublished)}: what came was recorded in "
            f"{folder / NAME}, and later downloads are held to it."
        )


def _count_files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


def megabytes(size: int) -> str:
    """Return bytes in millions, with a digit behind the point where there are few."""
    return f"{size / 1e6:,.0f}" if size >= 1e7 else f"{size / 1e6:.1f}"
