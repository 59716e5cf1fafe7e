"""Shelves: what is kept between FETCHes, and that it stays within its memory."""

from imap_out.session.state.shelves import Shelves


def test_what_is_put_is_found_by_its_kind_and_key() -> None:
    shelves = Shelves()
    shelves.put("one", [(1, b"a", 1)])
    shelves.put("other", [(1, b"b", 1)])

    assert shelves.shelf("one").items == {1: b"a"}
    assert shelves.shelf("other").items == {1: b"b"}


def test_what_is_there_already_is_not_counted_again() -> None:
    shelves = Shelves()
    shelves.put("one", [(1, b"a", 1)])
    before = shelves.octets
    shelves.put("one", [(1, b"a", 1)])

    assert shelves.octets == before


def test_the_shelf_unused_for_longest_goes_first() -> None:
    shelves = Shelves(octets_max=2_500)
    shelves.put("one", [(1, b"", 800)])
    shelves.put("other", [(1, b"", 800)])
    shelves.shelf("one")
    shelves.put("third", [(1, b"", 800)])

    assert list(shelves.shelf("one").items) == [1]
    assert not shelves.shelf("other").items
    assert shelves.octets == 2_000


def test_a_shelf_that_is_too_big_alone_starts_over() -> None:
    shelves = Shelves(octets_max=2_500)
    for number in range(1_000):
        shelves.put("one", [(number, b"", 800)])

        assert shelves.octets <= 2_500

    assert shelves.shelf("one").items


def test_pieces_by_the_thousand_weigh_as_pieces_one_by_one() -> None:
    one, other = Shelves(), Shelves()
    rows = [(b"ab", 1, b"c"), (b"", 22, b""), (b"def", 3, b"")]
    for shelves in (one, other):
        shelves.put("k", [(2, rows[1], 0)])  # another session was faster

    one.put("k", [(n, row, len(row[0]) + len(row[2])) for n, row in enumerate(rows, 1)])
    other.put_pieces("k", [1, 2, 3, 4], list(zip(*rows, strict=True)))

    assert other.shelf("k").items == one.shelf("k").items
    assert other.octets == one.octets == other.shelf("k").octets
