"""``mx-gateway``, and ``python -m gateway``."""

from __future__ import annotations

from gateway.cli.root import program


def main() -> None:
    """Run the command line."""
    program(prog_name="mx-gateway")


if __name__ == "__main__":
    main()
