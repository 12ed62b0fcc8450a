"""The `kg` command: its subcommands, its exit codes, and how it reports what went wrong."""

import os
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from kg import __version__, paths
from kg.cli import bench, compare, docs, export, export_data, fetch, info, predict, prepare, sweep, train, viz
from kg.cli import eval as eval_command
from kg.cli import list as list_command
from kg.cli.output import complain, note
from kg.cli.terminal import print_anywhere
from kg.errors import KgError

# The class is public through its subclass only, and Typer's own Click is not everyone's.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="kg",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("fetch")(fetch.fetch)
app.command("list")(list_command.list_plugins)
app.command("prepare")(prepare.prepare)
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("predict")(predict.predict)
app.command("eval")(eval_command.evaluate)
app.command("compare")(compare.compare)
app.command("viz")(viz.viz)
app.command("export")(export.export)
app.command("export-data")(export_data.export_data)
app.command("bench")(bench.bench)
app.command("info")(info.info)
app.command("docs")(docs.docs)


def _print_version(is_set: bool) -> None:
    if is_set:
        typer.echo(f"kg {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error. Works after a command too."),
    ] = False,
) -> None:
    """Keypoints that mean the same on every shape of a category, learnt without labels.

    From nothing to a picture, on built-in garments:

      kg train --category shirt --preset quick
      kg predict
      kg eval --metric das
      kg viz out.npz

    Your own shapes:

      kg prepare folder --from my_mugs/ --category mug
      kg train --category mug

    Data lie in KG_HOME (see kg info), runs in ./runs. Every command takes --json.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 it failed, 2 wrong usage, 130 interrupted."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code, with every error reported on stderr."""
    debug = "--debug" in arguments or bool(os.environ.get("KG_DEBUG"))
    warnings.showwarning = _show_warning
    print_anywhere()
    try:
        words = [word for word in arguments if word != "--debug"]
        code = app(words, prog_name="kg", standalone_mode=False)
    except UsageError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "kg"
        complain(getattr(error, "format_message", error.__str__)(), f"See: {command} --help")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        # The reader of our output has gone (kg ... | head): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, KgError):
            complain(error.message, error.hint)
        elif _is_lack_of_memory(error):
            complain(
                f"The memory is not enough: {str(error) or 'nothing more can be allocated'}",
                "Less is taken by smaller batches, --batch-size, and by fewer points, --points.",
            )
        elif isinstance(error, OSError):
            where = paths.variable_of(error)
            way_out = f"Set {where} to a folder that you can write." if where else ""
            complain(str(error), way_out or ("" if debug else "The traceback: the same command with --debug"))
        else:
            complain(
                f"{type(error).__name__}: {error}",
                "" if debug else "That is a defect of kg. The traceback: the same command with --debug",
            )
        return 1
    if code == 130:
        note("Interrupted.")
    return code if isinstance(code, int) else 0


def _is_lack_of_memory(error: Exception) -> bool:
    """Tell whether the machine or a GPU has no more memory; of the machine PyTorch says it in words alone."""
    match = isinstance(error, RuntimeError) and re.search("out of memory|can't allocate memory", str(error))
    return isinstance(error, MemoryError) or bool(match)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    note(str(message), "warning")
