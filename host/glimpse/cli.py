# SPDX-License-Identifier: Apache-2.0
"""The command `glimpse`."""

import sys
from itertools import chain
from typing import Annotated, NoReturn

import typer

from glimpse import __version__
from glimpse.commands.bench import bench
from glimpse.commands.capture import capture
from glimpse.commands.contact import contact
from glimpse.commands.decode import decode
from glimpse.commands.demo import demo
from glimpse.commands.doctor import doctor
from glimpse.commands.encode import encode
from glimpse.commands.energy import energy
from glimpse.commands.evaluate import evaluate
from glimpse.commands.export import export
from glimpse.commands.feedback import feedback
from glimpse.commands.flash import flash
from glimpse.commands.key import app as key
from glimpse.commands.model import app as model
from glimpse.commands.modem import modem
from glimpse.commands.node import app as node
from glimpse.commands.plan import plan
from glimpse.commands.send import send
from glimpse.commands.stream import stream
from glimpse.commands.train import train
from glimpse.commands.trial import trial
from glimpse.errors import GlimpseError, UsageError

app = typer.Typer(
    name="glimpse",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Camera images from microcontrollers over links of a few bytes a second that lose many of them.",
)
COMMANDS = (
    (demo, encode, decode, capture, stream, send, modem),
    (flash, bench, energy, plan, trial),
    (train, export, evaluate, contact, feedback),
    (doctor,),
)
for command in chain(*COMMANDS):
    app.command()(command)
app.add_typer(node, name="node")
app.add_typer(key, name="key")
app.add_typer(model, name="model")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"glimpse {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command."""


def _stop(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        code = typer.main.get_command(app).main(standalone_mode=False)
    except UsageError as error:
        _stop(f"error: {error}", 2)
    except GlimpseError as error:
        _stop(f"error: {error}", 1)
    except (KeyboardInterrupt, typer.Abort):
        _stop("stopped", 130)
    except BrokenPipeError:  # `glimpse ... | head`
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # what no command has put into its own words
        place = f"{error.filename}: " if error.filename else ""
        _stop(
            f"error: {place}{(error.strerror or str(error)).lower()}; name another place or change its permissions", 1
        )
    except Exception as error:
        # Typer's own usage errors: of click, or of the copy of it that newer Typers carry.
        if not (hasattr(error, "show") and hasattr(error, "exit_code")):
            raise
        error.show()
        sys.exit(error.exit_code)
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
