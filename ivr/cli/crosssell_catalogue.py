"""`hotline crosssell catalogue`: what callers may be offered, shown, written to a file, or read from one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.cli.on_database import on_database
from ivr.settings import load_settings

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.selling_facts import OnSale


def catalogue(
    file: Annotated[
        Path | None, typer.Argument(help="A catalogue file (YAML) to read in; without one it is shown.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is sound.")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="Write what is in force to this new file.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show what callers may be offered, write it to a file, or read a file over it."""
    from cross_sell.catalogue import load_catalogue, read_catalogue, write_catalogue

    products = None if file is None else read_catalogue(file)
    if check:
        if products is None:
            raise typer.BadParameter("name the file to check", param_hint="FILE")
        screen.print(f"{len(products)} products, all sound.")
        return
    settings = load_settings(data_dir=data_dir, database_url=database_url)

    async def done(database: PolicyDatabase) -> tuple[OnSale, ...]:
        if products is not None:
            await load_catalogue(database, products, by="command")
            await database.audit.add(
                "command", "changed_catalogue", ",".join(one.product for one in products)
            )
        return await database.offered.all()

    offered = on_database(settings, done)
    if to is not None:
        write_catalogue(to, [one.offered for one in offered])
        screen.print(f"{len(offered)} products are in {to}.")
        return
    screen.print(_table(offered))


def _table(offered: tuple[OnSale, ...]) -> Table:
    table = Table("Product", "Name", Column("Sold by", no_wrap=True), "Margin", "Premium", "Ages", "Offered")
    for one in offered:
        product, limits = one.offered, one.offered.limits
        name = one.names.get("en") or one.names.get("zh-CN") or one.key
        ages = f"{limits.get('least_age', one.least_age)}–{limits.get('most_age', one.most_age)}"
        table.add_row(
            product.product, name, f"{product.queue}\nlicence: {product.licence}", f"{product.margin:,.2f}",
            f"{product.premium:,.2f}", ages, "yes" if product.active else "no",
        )  # fmt: skip
    return table
