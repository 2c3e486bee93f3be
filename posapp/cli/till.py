"""The till itself: its window, `posapp enrol`, `pair` and `sell`."""

from __future__ import annotations

from posapp.cli.shared import SUPPRESS, Arguments, Commands, add_data, ask_pin


def add(commands: Commands) -> None:
    """The command and its options."""
    enrol = commands.add_parser("enrol", help="make this machine a till of a head office")
    add_data(enrol, default=SUPPRESS)
    enrol.add_argument("--url", required=True, help="head office, http://HOST:PORT")
    enrol.add_argument("--code", required=True, help="the one-time code")
    enrol.add_argument("--module", default="", help="serial:PORT or tcp:HOST:PORT")
    enrol.add_argument("--printer", default="none", help="tcp:HOST:PORT, serial:PORT or none")
    enrol.add_argument("--key", default="keyring", choices=("keyring", "keyfile"))
    enrol.set_defaults(run=_enrol)
    pair = commands.add_parser("pair", help="make till and security module know each other")
    add_data(pair, default=SUPPRESS)
    pair.add_argument("--code", required=True, help="the 24 digits that the module shows")
    pair.set_defaults(run=_pair)
    sell = commands.add_parser("sell", help="one sale without the window; asks for the PIN")
    add_data(sell, default=SUPPRESS)
    sell.add_argument("meter")
    sell.add_argument("amount", help="in the site's currency, for example 500 or 500.00")
    sell.add_argument("--operator", type=int, required=True, help="number of the person")
    sell.set_defaults(run=_sell)


def run(arguments: Arguments) -> int:
    """The window."""
    from posapp.bootstrap import window

    return window.run(arguments.data)


def _enrol(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    site = till.enrol(
        arguments.data,
        url=arguments.url,
        code=arguments.code,
        module_address=arguments.module,
        printer_address=arguments.printer,
        key_source=arguments.key,
    )
    print(f"{site.till_name} is a till of {site.utility}")
    return 0


def _pair(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    module_id = till.pair(arguments.data, arguments.code)
    print(f"this till and module {module_id} know each other now")
    return 0


def _sell(arguments: Arguments) -> int:
    from posapp.bootstrap import till

    print(
        till.sell_once(
            arguments.data, arguments.meter, arguments.amount, arguments.operator, ask_pin()
        )
    )
    return 0
