"""Octets written as a named base and a few splices, so that vectors stay small and readable."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Splice:
    """At *at*, take *remove* octets out and put *insert*, or a copy of base[start:end], in."""

    at: int
    remove: int = 0
    insert: bytes = b""
    times: int = 1
    copy: tuple[int, int] | None = None

    def apply(self, base: bytes, octets: bytes) -> bytes:
        put_in = base[slice(*self.copy)] if self.copy else self.insert * self.times
        return octets[: self.at] + put_in + octets[self.at + self.remove :]


@dataclass(frozen=True)
class Octets:
    """*base* after the splices, done in their order."""

    base: bytes
    splices: tuple[Splice, ...] = ()

    @property
    def value(self) -> bytes:
        octets = self.base
        for splice in self.splices:
            octets = splice.apply(self.base, octets)
        return octets


def spliced(base: bytes, *splices: Splice) -> Octets:
    return Octets(base, splices)


def flipped(base: bytes, at: int, bit: int = 1) -> Octets:
    """Return *base* with one bit altered at *at* (from the end if negative)."""
    at %= len(base)
    return Octets(base, (Splice(at, 1, bytes([base[at] ^ bit])),))
