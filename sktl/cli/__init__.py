"""The command line: thin over public names."""

import click

from sktl._version import __version__
from sktl.cli._pretrain import pretrain_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sktl")
def main():
    """Transfer learning for materials properties: estimators that start from pretrained networks."""


main.add_command(pretrain_command)
