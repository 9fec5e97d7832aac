"""The command line: one file per command, loaded when called, behind one entry that catches.

Exit codes: 0 done, 1 the person's mistake or missing input, 3 a fault of ours, 130 interrupted. Click's own 2 becomes
1, because 2 means "block" to the clients that may one day call us.
"""

from __future__ import annotations

import sys
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import Any

import click

from governor.errors import GovernorError

# command -> (module, one line for the overview); kept in the order a person meets them
COMMANDS = {
    "status": ("look.status", "Where every window stands, where it will land, and why."),
    "usage": ("look.usage", "Tokens and notional cost by day, project, model, ..."),
    "sessions": ("look.sessions", "The sessions that cost most, and what one more turn costs."),
    "calibrate": ("set.calibrate", "Tell it what the official meter says: governor calibrate 60%"),
    "forecast": ("look.forecast", "Where a window will land, drawn."),
    "backtest": ("look.backtest", "How good such projections were on your own weeks."),
    "feasibility": ("look.feasibility", "Would another plan carry your weeks?"),
    "route": ("guard.route", "What the router would say to a prompt, and why."),
    "decisions": ("look.decisions", "What the hooks decided, and whether it was followed."),
    "audit": ("look.audit", "Red flags, caches, hard limits, and the quality of work."),
    "overhead": ("look.overhead", "What the governor itself costs, and what it saved."),
    "gate": ("unattended.gate", "For scripts: exit 0 GO, 10 PACE, 20 STOP."),
    "run": ("unattended.run", "Supervise one headless run against budgets."),
    "handoff": ("unattended.handoff", "Give a bounded task to the other client, under budgets."),
    "handoffs": ("unattended.handoffs", "What was handed over, and how to take it back."),
    "memory": ("guard.memory", "Check, compact or restore a memory index."),
    "install": ("set.install", "Wire the hooks and the status line into the clients."),
    "uninstall": ("set.install", "Take them out again, leaving the files as they were."),
    "doctor": ("look.doctor", "What is wrong, and the command that mends it."),
    "off": ("guard.switch", "Silence every hook, in running sessions too."),
    "on": ("guard.switch", "Let the hooks speak again."),
    "halt": ("guard.halt", "Stop agents before their next tool call."),
    "unhalt": ("guard.halt", "Lift a halt: the agents may go on."),
    "override": ("guard.switch", "Go on past the wall for a while."),
    "config": ("set.config", "Every setting, its value, and where it came from."),
    "demo": ("set.demo", "A made-up home with months of history to look around in."),
    "refresh": ("set.refresh", "Take in what is new; the hooks ring for this."),
}


class Overview(click.Group):
    """Knows every command's line without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"governor.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Overview, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="quota-governor", prog_name="governor")
@click.pass_context
def governor(ctx: click.Context) -> int:
    """Budget governance for Claude Code and Codex on subscriptions.

    Reads what the clients already write, counts each response once, and says where the week will end. Called alone,
    it shows the status.
    """
    if ctx.invoked_subcommand is None:
        command = ctx.command
        assert isinstance(command, Overview)  # noqa: S101 - tells mypy what click knows
        status = command.get_command(ctx, "status")
        assert status is not None  # noqa: S101
        return int(ctx.invoke(status))
    return 0


def run(arguments: list[str] | None = None) -> None:
    """The console script: every way of ending, with the exit code the contract promises."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a bar still shows the figures
    sys.exit(main(arguments))


def main(arguments: list[str] | None = None) -> int:
    """The same, returning the exit code."""
    try:
        result: Any = governor.main(args=arguments, prog_name="governor", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as fault:
        return int(fault.exit_code)
    except click.ClickException as fault:
        told = StringIO()
        fault.show(told)
        click.echo(_shown(told.getvalue()), nl=False, err=True)
        context = getattr(fault, "ctx", None)
        click.echo(f"  next: {context.command_path if context else 'governor'} --help", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except GovernorError as fault:
        words = f"governor: {_shown(fault.message)}"
        if sys.stderr.isatty():
            from governor.number_format import folded

            # What to type next stays one line, to be copied.
            words = "\n".join(folded(words, 0, hang=2))
        click.echo(f"{words}\n  next: {_shown(fault.next_step)}", err=True)
        return fault.exit_code
    except BrokenPipeError:  # `governor usage | head`
        sys.stderr.close()
        return 0
    except Exception as fault:
        from governor.crash_report import report

        click.echo(_shown(report(fault)), err=True)
        return 3


def _shown(text: str) -> str:
    from governor.hooks.printable import printable_lines

    return printable_lines(text)
