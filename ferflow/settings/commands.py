"""Commands about params.yaml: presets, models, use, check."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer


def presets() -> None:
    """List the systems, with the paper and the Keras version that each follows, and its claims."""
    from rich.console import Console
    from rich.table import Table

    from ferflow.claims.registry import claim_text, claims_of, load_papers
    from ferflow.settings.presets import load_preset, preset_names

    table = Table("preset", "what it is", "paper", "claim", show_lines=True)
    table.columns[0].no_wrap = True
    for name in preset_names():
        preset = load_preset(name)
        paper = load_papers()[preset.paper].title if preset.paper else ""
        claims = "\n".join(claim_text(claim) for claim in claims_of(name))
        about = preset.about + (f"\nKeras: {preset.keras}" if preset.keras else "")
        table.add_row(preset.name, about, paper, claims)
    Console().print(table)


def models(
    name: Annotated[str | None, typer.Argument(help="An architecture to explain.")] = None,
) -> None:
    """List the networks with their sizes, or explain one and its options."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from ferflow.claims.registry import load_papers
    from ferflow.settings.network_sizes import explain, network_sizes

    console = Console()
    if name is not None:
        print(explain(name))
        return
    header = ("network", "parameters", "fixed", "mult-adds", "paper", "presets")
    table = Table(*header, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:4]:
        column.justify = "right"
    for size in network_sizes():
        numbers = (size.trainable + size.fixed, size.fixed)
        papers = ", ".join(str(load_papers()[key].number) for key in size.papers)
        options = "".join(
            f"\n{key}:\n{json.dumps(value, separators=(',', ':'))}"
            for key, value in size.options.items()
        )
        table.add_row(
            size.architecture + options,
            *(f"{number:,}" for number in numbers),
            f"{size.multiply_adds / 1e6:.0f} M",
            papers,
            "\n".join(size.presets),
        )
    console.print(table)
    console.print("finetune: any image backbone of `transformers`; multiply-adds at 48x48 pixels.")


def use(
    preset: Annotated[str, typer.Argument(help="One of `ferflow presets`.")],
    more: Annotated[list[str] | None, typer.Argument(help="More settings, key=value.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value to set, such as balance.method=none; repeatable."),
    ] = None,
) -> None:
    """Write params.yaml from the defaults, a preset and your settings.

    Paths are relative to the repository.
    """
    from ferflow.settings import presets

    settings = dict(presets.parse_setting(text) for text in [*(set_ or []), *(more or [])])
    discarded = presets.use(preset, settings)
    print(f"params.yaml is written for {preset}. Run it with: dvc repro")
    if discarded:
        print("These edits of yours were replaced:")
        print("\n".join(f"  {line}" for line in discarded))


def new(
    name: Annotated[Path, typer.Argument(help="The folder to make, such as faces.")],
    data: Annotated[Path, typer.Option(help="Your pictures: a folder, a zip, a list.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, such as data.split=fraction; repeatable."),
    ] = None,
) -> None:
    """Make a project of your own: a folder with the chain for your data.

    It needs no clone of ferflow. Its stages, presets and runs are yours.
    """
    from ferflow.settings import new_project
    from ferflow.settings.presets import parse_setting

    new_project.new_project(name, data, dict(map(parse_setting, set_ or [])))
    print(f"{name} is ready. Next: cd {name} && dvc repro")


def check() -> None:
    """Check that every value in params.yaml is legal, before anything runs.

    DVC's list of locks is deleted if a kill has damaged it.
    """
    from ferflow.core.dvc_locks import delete_cut_off_locks
    from ferflow.core.params import PARAMS_FILE, read_yaml
    from ferflow.settings.check import check_params, check_pictures

    params = read_yaml(PARAMS_FILE)
    check_params(params)
    check_pictures(params)
    print("params.yaml is in order.")
    if delete_cut_off_locks():
        print(
            "DVC's list of locks, .dvc/tmp/rwlock, was damaged because DVC had been killed. It is "
            "deleted."
        )


COMMANDS: list[Callable[..., None]] = [presets, models, use, new, check]
