"""mlp download"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlpcli.cli import output
from mlpcli.cli.options import data_dir_hint, data_dir_option, debug_option, json_option, mirror_option, quiet_option
from mlpcli.errors import CannotWriteError, DamagedFileError, MlpError, UsageError

if TYPE_CHECKING:
    from mlpcli.datasets.catalog import Entry, RemoteFile


@click.command(epilog="Example:  mlp download mnist fashion-mnist --data-dir ~/data")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listing", is_flag=True, help="Show the sets that there are, and which are present.")
@click.option("--all", "everything", is_flag=True, help="Take every set of the list.")
@click.option("--force", is_flag=True, help="Fetch again what is there and intact.")
@click.option("--verify", is_flag=True, help="Hash what is there and fetch nothing; without NAME, all that is present.")
@click.option(
    "--from",
    "source",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Import files that were fetched by hand; their names and bytes must be the published ones.",
)
@data_dir_option
@mirror_option
@quiet_option
@json_option
@debug_option
@click.pass_context
def download(
    context: click.Context,
    names: tuple[str, ...],
    listing: bool,
    everything: bool,
    force: bool,
    verify: bool,
    source: Path | None,
    data_dir: Path,
    mirrors: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Fetch the public data set NAME (default: mnist) into FOLDER/NAME.

    Each file is fetched from the first mirror that delivers it, and gets its name only when its size and hash
    are right. Files that are there and intact are left alone; what was cut short is continued.

    The six emnist sets share one archive of 562 MB in FOLDER/emnist, fetched once; it may be deleted when the
    sets that you want have been taken out of it.
    """
    typed_mirror = context.get_parameter_source("mirrors") is ParameterSource.COMMANDLINE
    _refuse_nonsense(names, listing, everything, force, verify, source, typed_mirror)

    from mlpcli.datasets.catalog import CATALOG, find

    if listing:
        _list(list(CATALOG.values()), data_dir, as_json)
        return
    every = [entry for entry in CATALOG.values() if entry.origin == "download"]
    entries = every if everything else [find(name) for name in dict.fromkeys(names)]
    if verify:
        _verify(entries or [e for e in every if _is_begun(e, data_dir)], data_dir, quiet, as_json)
        return
    entries = entries or [find("mnist")]
    for entry in entries:
        for option, given in (("--force", force), ("--from", source), ("--mirror", typed_mirror)):
            if given and entry.origin != "download":
                raise UsageError(f"{option}: {entry.name} comes with mlpcli and is not downloaded; leave it out")
    done, failed, renewed, first = [], [], set(), None
    for entry in entries:
        try:
            # An archive that several sets share is fetched again once.
            placed = _get(entry, data_dir, mirrors, source, quiet or as_json, force and entry.folder not in renewed)
        except MlpError as error:
            if len(entries) == 1 or isinstance(error, CannotWriteError):
                raise
            output.note(str(error))
            failed.append(entry.name)
            first = first or error
            continue
        renewed.add(entry.folder)
        done.append(_described(entry, data_dir, placed))
        if not as_json:
            _tell(entry, data_dir / entry.folder, placed, "imported" if source else "fetched")
    if as_json:
        output.document({"sets": done, "failed": failed})
    if first is not None:
        way_out = "give other files with --from" if source else "try again to go on from there"
        raise type(first)(f"{', '.join(failed)}: not there, for the reasons above; {way_out}")


def _refuse_nonsense(
    names: tuple[str, ...],
    listing: bool,
    everything: bool,
    force: bool,
    verify: bool,
    source: Path | None,
    mirror: bool,
) -> None:
    """UsageError for options that contradict each other."""
    given = {
        "--list": listing,
        "--verify": verify,
        "--from": source is not None,
        "--all": everything,
        "NAME": bool(names),
        "--force": force,
        "--mirror": mirror,
    }
    for one, others in (
        ("--list", ("--verify", "--from", "--all", "NAME", "--force", "--mirror")),
        ("--verify", ("--from", "--force", "--mirror")),
        ("--from", ("--mirror",)),
        ("--all", ("NAME",)),
    ):
        for other in others:
            if given[one] and given[other]:
                raise UsageError(f"{one} and {other} make no sense together; leave one of them out")


def fetch(name: str, data_dir: Path, mirrors: tuple[str, ...], quiet: bool, force: bool = False) -> list[Path]:
    """Download what is missing of a named data set (all of it if `force`), with a bar; what was put in place."""
    from mlpcli.datasets.catalog import find
    from mlpcli.datasets.fetch import check_mirror, missing
    from mlpcli.datasets.fetch import download as fetch_missing

    entry = find(name)
    for mirror in mirrors:
        check_mirror(mirror)
    folder = data_dir / entry.folder
    sizes = [file.size for file in (entry.files if force else missing(entry, folder))]
    done: dict[str, int] = {}
    failures: list[str] = []
    total = None if None in sizes else sum(size or 0 for size in sizes)
    with output.bar(total, "B", name, quiet) as bar:

        def progress(file: RemoteFile, so_far: int) -> None:
            # A file that has to be begun again, or goes on from what was kept: the bar goes with it.
            done[file.name] = so_far
            bar.update(sum(done.values()) - bar.n)

        def failed(reason: str) -> None:
            failures.append(reason)
            bar.set_postfix_str("trying the next mirror")

        fetched = fetch_missing(entry, folder, mirrors, progress, failed, force)
    # Worth knowing, though it went well in the end; a download that fails has all of this in its error.
    for reason in failures:
        output.note(f"{reason}; another place had it")
    return fetched


def _get(
    entry: Entry, data_dir: Path, mirrors: tuple[str, ...], source: Path | None, quiet: bool, force: bool
) -> list[Path]:
    if source is None:
        return fetch(entry.name, data_dir, mirrors, quiet, force)
    from mlpcli.datasets.fetch import import_from

    return import_from(entry, source, data_dir / entry.folder, force)


def _tell(entry: Entry, folder: Path, placed: list[Path], how: str) -> None:
    if entry.origin != "download":
        output.line(f"{entry.name} comes with mlpcli: nothing to do; next: mlp train {entry.name}")
    elif not placed:
        of = f" of {entry.name}" if entry.archive else ""
        output.line(f"{folder}: all {len(entry.parts)} files{of} are there and intact: nothing to do")
    else:
        archive = f"{folder / entry.files[0].name} may be deleted; " if entry.members else ""
        total = len(entry.parts) + (len(entry.files) if entry.members else 0)
        output.line(
            f"{folder}: {how} {len(placed)} of {total} files; {archive}next: mlp train {entry.name}{data_dir_hint()}"
        )


def _described(entry: Entry, data_dir: Path, placed: list[Path]) -> dict[str, Any]:
    folder = data_dir / entry.folder
    return {
        "data": entry.name,
        "folder": str(folder),
        "fetched": [str(path) for path in placed],
        "files": [str(folder / part) for part in entry.parts],
    }


def _is_begun(entry: Entry, data_dir: Path) -> bool:
    return any((data_dir / entry.folder / part).exists() for part in entry.parts)


def _list(entries: list[Entry], data_dir: Path, as_json: bool) -> None:
    from mlpcli.datasets.fetch import is_there

    rows = []
    for entry in entries:
        state = "embedded" if entry.origin == "embedded" else "computed"
        if entry.origin == "download":
            state = "present" if is_there(entry, data_dir / entry.folder) else ""
        rows.append((entry, state))
    if as_json:
        output.document(
            [
                {
                    "name": entry.name,
                    "description": entry.description,
                    "shape": list(entry.shape),
                    "classes": list(entry.classes),
                    "examples": {"train": entry.examples[0], "test": entry.examples[1]},
                    "bytes": entry.download_size,
                    "licence": entry.licence,
                    "folder": str(data_dir / entry.folder) if entry.origin == "download" else None,
                    "present": bool(state),
                }
                for entry, state in rows
            ]
        )
        return
    output.line(
        f"{'name':<15}  {'what':<36}  {'classes':>7}  {'train':>7}  {'test':>7}  {'bytes':>11}  {'licence':<12}  here"
    )
    for entry, state in rows:
        size = "unknown" if entry.download_size is None else f"{entry.download_size:,}"
        output.line(
            f"{entry.name:<15}  {entry.description:<36}  {len(entry.classes):>7}  {entry.examples[0]:>7,}  "
            f"{entry.examples[1]:>7,}  {size:>11}  {entry.licence:<12}  {state}".rstrip()
        )


def _verify(entries: list[Entry], data_dir: Path, quiet: bool, as_json: bool) -> None:
    from mlpcli.datasets.fetch import verify

    if not entries:
        raise UsageError(f"{data_dir}: no data set is there; run mlp download NAME, or give --data-dir")
    found = [(entry, checked) for entry in entries for checked in verify(entry, data_dir / entry.folder)]
    if as_json:
        output.document(
            [{"data": entry.name, "file": str(path), "problem": problem} for entry, (path, problem) in found]
        )
    elif not quiet:
        for entry in entries:
            if entry.origin != "download":
                output.line(f"{entry.name} comes with mlpcli: nothing to verify")
        for _, (path, problem) in found:
            output.line(f"{path}: {problem or 'intact'}")
    bad = [(entry, checked) for entry, checked in found if checked.problem]
    if bad:
        entry, (path, problem) = bad[0]
        others = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise DamagedFileError(f"{path}: {problem}{others}; run mlp download {entry.name}")
