"""The command line: the only code that reads arguments or writes to the terminal."""

import errno
import traceback

import click

from mlpcli import __version__
from mlpcli.cli import output, signals
from mlpcli.cli.commands import Commands
from mlpcli.errors import MlpError


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start here, without any download:  mlp train digits",
)
@click.version_option(__version__, prog_name="mlp")
def cli() -> None:
    """Train, evaluate and use multi-layer perceptrons."""


def run(args: list[str] | None = None) -> int:
    """Run a command line (without the program's name; sys.argv by default) and return its exit code."""
    output.reset()
    try:
        with signals.raised():
            # Not standalone, Click returns the code that a command asks to exit with, else what it returned.
            asked = cli.main(args=args, prog_name="mlp", standalone_mode=False)
            code = asked if isinstance(asked, int) else 0
    except click.ClickException as problem:
        output.usage(problem)
        code = problem.exit_code
    except signals.Stopped as stop:
        code = _fail(str(stop), stop.code)
    except (KeyboardInterrupt, click.Abort):
        code = _fail("interrupted", 130)
    except MlpError as error:
        code = _fail(str(error), error.exit_code)
    except MemoryError:
        code = _fail("out of memory; use a smaller network, or fewer or smaller examples", 1)
    except OSError as error:
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EPIPE, errno.EIO):
            output.silence_stdout(error)  # Click itself was writing, a help text
            return output.finish(0)
        where = f"{error.filename}: " if error.filename else ""
        code = _fail(f"{where}{error.strerror or error}; check the path, its permissions and the disk", 1)
    except Exception as error:
        code = _fail(f"unexpected {type(error).__name__}: {error}; please report it, with --debug", 1)
    return output.finish(code)


def _fail(message: str, code: int) -> int:
    if output.state.debug:
        traceback.print_exc()
    output.error(message)
    return code
