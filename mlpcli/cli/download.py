"""mlp download"""

from pathlib import Path

import click

from mlpcli.cli import output
from mlpcli.cli.options import data_dir_option, debug_option, json_option, mirror_option, quiet_option


@click.command(epilog="Example:  mlp download mnist --data-dir ~/data")
@click.argument("name", default="mnist")
@data_dir_option
@mirror_option
@quiet_option
@json_option
@debug_option
def download(name: str, data_dir: Path, mirrors: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Fetch the public data set NAME (default: mnist) into FOLDER/NAME.

    Each file is fetched from the first mirror that delivers it, and gets its name only when its size and
    SHA-256 are right. Files that are there and intact are left alone.
    """
    from mlpcli.datasets.catalog import find

    entry = find(name)
    folder = data_dir / entry.name
    fetched = fetch(name, data_dir, mirrors, quiet or as_json)
    if as_json:
        files = [str(folder / file.name) for file in entry.files]
        output.document({"data": name, "folder": str(folder), "fetched": [str(p) for p in fetched], "files": files})
    elif entry.origin != "download":
        output.line(f"{name} comes with mlpcli: nothing to do; next: mlp train {name}")
    elif not fetched:
        output.line(f"{folder}: all {len(entry.files)} files are there and intact: nothing to do")
    else:
        output.line(f"{folder}: fetched {len(fetched)} of {len(entry.files)} files; next: mlp train {name}")


def fetch(name: str, data_dir: Path, mirrors: tuple[str, ...], quiet: bool) -> list[Path]:
    """Download what is missing of a named data set, with a bar; the paths of what was fetched."""
    from mlpcli.datasets.catalog import RemoteFile, find
    from mlpcli.datasets.fetch import check_mirror, missing
    from mlpcli.datasets.fetch import download as fetch_missing

    entry = find(name)
    for mirror in mirrors:
        check_mirror(mirror)
    folder = data_dir / entry.name
    wanted = missing(entry, folder)
    if not wanted:
        return []
    sizes = {file.name: file.size for file in wanted}
    done: dict[str, int] = {}
    failures: list[str] = []
    with output.bar(sum(sizes.values()), "B", name, quiet) as bar:

        def progress(file: RemoteFile, so_far: int) -> None:
            # A mirror that fails half-way starts its file again: the bar goes back with it.
            done[file.name] = so_far
            bar.update(sum(done.values()) - bar.n)

        def failed(reason: str) -> None:
            failures.append(reason)
            bar.set_postfix_str("trying the next mirror")

        fetched = fetch_missing(entry, folder, mirrors, progress, failed)
    # Worth knowing, though it went well in the end; a download that fails has all of this in its error.
    for reason in failures:
        output.note(f"{reason}; the next mirror served")
    return fetched
