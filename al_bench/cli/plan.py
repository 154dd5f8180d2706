"""``albench plan``: whether labels will pay on rows of your own, before most of them are bought."""

from __future__ import annotations

from typing import Annotated

import typer

from al_bench.cli import session as own
from al_bench.cli.options import ConfigDir


def plan(
    data: Annotated[str, typer.Argument(help=own.KINDS, show_default=False)],
    overrides: own.Config = None,
    text: own.Text = None,
    image: own.Image = None,
    id: own.Id = None,
    split: own.Split = "train",
    encoding: own.Encoding = None,
    classes: own.Classes = None,
    label: Annotated[str | None, own.option("a column of labels, of rows drawn at random")] = None,
    prior_table: own.PriorTable = None,
    prompt: own.Prompt = None,
    target: own.Target = None,
    price: own.Price = None,
    budget: own.Most = None,
    noise: own.Noise = None,
    config_dir: ConfigDir = None,
) -> None:
    """Forecast what labels will bring: an FM alone, random rows and codecision, with 80 % bands."""
    from al_bench.labelling import plan as planned

    names = None if classes is None else own.names_in(classes)
    own.print_plan(
        planned(
            data,
            names,
            target=target,
            price=price,
            budget=budget,
            noise=noise,
            text=text,
            image=image,
            label=label,
            id=id,
            split=split,
            encoding=encoding,
            prior_table=prior_table,
            prompts=prompt or None,
            overrides=overrides or (),
            config_dir=config_dir,
        )
    )
