"""``asyncflow completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from asyncflow.cli.group import cli


@click.command(short_help="Complete commands, options and ids in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what completes commands, options and ids of the store in a shell.

    \b
      bash   add to ~/.bashrc:  eval "$(asyncflow completion bash)"
      zsh    add to ~/.zshrc:   eval "$(asyncflow completion zsh)"
      fish   asyncflow completion fish > ~/.config/fish/completions/asyncflow.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "asyncflow", "_ASYNCFLOW_COMPLETE").source())
