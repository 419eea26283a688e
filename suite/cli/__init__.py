"""The command line: `nasrepro --help`.

Imports are inside the commands, so that each pays only for what it uses.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Annotated, Any

import typer

from nasrepro.suite.cli.common import app, json_text
from nasrepro.suite.errors import NasreproError

__all__ = ["app", "main"]

for _file in pkgutil.iter_modules(__path__):  # each adds its commands to `app`
    importlib.import_module(f"{__name__}.{_file.name}")

#: click's UsageError, which typer brings along under a private name.
_UsageError: Any = typer.BadParameter.__base__


def main() -> None:
    """Run the command line, with errors on one line.

    Exit codes are 0 (good), 1 (ran, but something failed) and 2 (bad input). With --json an error
    is a JSON document on standard output, too.
    """
    try:
        code = app(prog_name="nasrepro", standalone_mode=False)
    except NasreproError as error:
        if "--json" in sys.argv:
            print(json_text({"error": {"kind": type(error).__name__, "message": str(error)}}))
        print(
            "error:", *str(error).splitlines(), file=sys.stderr
        )  # on one line, also where it quotes another library's text
        sys.exit(2)
    except _UsageError as error:
        if (
            type(error).__name__ == "NoArgsIsHelpError"
        ):  # a group without a command: its message is the help
            print(error.format_message(), file=sys.stderr)
            sys.exit(2)
        if "--json" in sys.argv:
            print(json_text({"error": {"kind": "usage", "message": error.format_message()}}))
        hint = f" (see: {error.ctx.command_path} --help)" if error.ctx else ""
        print(f"error: {error.format_message()}{hint}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        sys.exit(130)
    sys.exit(code or 0)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"nasrepro {version('nasrepro')}")
        except PackageNotFoundError as error:
            raise NasreproError(
                "nasrepro runs from a folder and is not installed, so it has no version; install "
                "it with: pip install ."
            ) from error
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
