"""The command line: thin over public names."""

from __future__ import annotations

from typing import Any

import click

from sktl._version import __version__
from sktl.cli._benchmark import benchmark_group
from sktl.cli._check import check_command
from sktl.cli._demo import demo_command
from sktl.cli._evaluate import evaluate_command
from sktl.cli._fit import fit_command
from sktl.cli._paths import printable
from sktl.cli._predict import predict_command
from sktl.cli._pretrain import pretrain_command
from sktl.cli._sources import sources_group
from sktl.exceptions import SktlError


class _CleanErrors(click.Group):
    """A group whose commands end with a line, not a traceback, at a mistake of the user."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (SktlError, OSError) as error:
            raise click.ClickException(printable(str(error))) from error
        except click.UsageError as error:
            raise click.UsageError(printable(error.format_message()), error.ctx) from error


@click.group(cls=_CleanErrors, context_settings={"help_option_names": ["-h", "--help"]})
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
