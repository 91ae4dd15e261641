"""The command line: thin over public names."""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from sktl._echo import as_message
from sktl._progress import show_progress
from sktl._version import __version__
from sktl._warnings import warnings_go_to
from sktl.cli._benchmark import benchmark_group
from sktl.cli._check import check_command
from sktl.cli._demo import demo_command
from sktl.cli._evaluate import evaluate_command
from sktl.cli._fit import fit_command
from sktl.cli._interrupt import INTERRUPTED, Interrupt, in_main_thread
from sktl.cli._paths import say
from sktl.cli._predict import predict_command
from sktl.cli._pretrain import pretrain_command
from sktl.cli._sources import sources_group
from sktl.exceptions import SktlError


class _Commands(click.Group):
    """A group whose commands end with a line, not a traceback, at a mistake or at Ctrl-C."""

    interrupt: Interrupt | None = None

    def main(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # what its encoding has no place for
        try:
            return self._run(*args, **kwargs)
        except OSError as error:  # of what is printed before a command begins
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        if not in_main_thread():
            return super().main(*args, **kwargs)
        self.interrupt = Interrupt()
        with self.interrupt.listening():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with show_progress("Working"), warnings_go_to(_say_warning):
                return super().invoke(ctx)
        except BaseException as error:
            code = None if self.interrupt is None else self.interrupt.exit_code
            if code is None and isinstance(error, KeyboardInterrupt):
                code = INTERRUPTED
            if code is not None:
                say("Stopped.", err=True)
                ctx.exit(code)
            if isinstance(error, BrokenPipeError):
                raise
            if isinstance(error, SktlError | OSError):
                raise click.ClickException(as_message(str(error))) from error
            if isinstance(error, click.UsageError):
                raise click.UsageError(as_message(error.format_message()), error.ctx) from error
            raise


def _say_warning(text: str) -> None:
    say(f"warning: {text}", err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sktl")
def main() -> None:
    """Transfer learning for materials properties, with pretrained networks."""


main.add_command(benchmark_group)
main.add_command(check_command)
main.add_command(demo_command)
main.add_command(evaluate_command)
main.add_command(fit_command)
main.add_command(predict_command)
main.add_command(pretrain_command)
main.add_command(sources_group)
