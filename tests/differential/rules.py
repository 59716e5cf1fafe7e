"""What two correct servers may say differently, rule by rule; everything else is a difference.

Each rule has a name, the section that allows the difference, and counts how often it changed
an answer: a rule that never fires is one nobody needs.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.differential.talk import Answer, Data, Value

Normal = tuple[object, ...]
_STATE = {"EXISTS", "RECENT", "EXPUNGE", "VANISHED", "FLAGS", "OK", "BYE", "CAPABILITY", "ENABLED"}
_CODES = {
    "SELECT": ("READ-ONLY", "READ-WRITE"),
    "EXAMINE": ("READ-ONLY", "READ-WRITE"),
    "APPEND": ("TRYCREATE", "APPENDUID"),
    "COPY": ("TRYCREATE", "COPYUID"),
    "MOVE": ("TRYCREATE", "COPYUID", "READ-ONLY"),
    "STORE": ("READ-ONLY", "MODIFIED"),
    "EXPUNGE": ("READ-ONLY",),
}


@dataclass(frozen=True)
class Rule:
    name: str
    section: str
    apply: Callable[[str, Answer], Answer]


def _code(command: str, answer: Answer) -> Answer:
    word = answer.code.partition(" ")[0]
    told = _CODES.get(command.partition(" ")[0], ())
    return answer if word in told or not word else replace(answer, code="")


def _validity(_command: str, answer: Answer) -> Answer:
    words = answer.code.split(" ")
    if words[0] in ("COPYUID", "APPENDUID"):
        return replace(answer, code=" ".join([words[0], "…", *words[2:]]))
    return answer


def _untagged_copyuid(command: str, answer: Answer) -> Answer:
    for data in answer.data:
        if command.startswith("MOVE") and data.kind == "OK" and data.values[:1] == ("COPYUID",):
            return replace(answer, code=f"COPYUID {data.values[1]}")
    return answer


def _sets(_command: str, answer: Answer) -> Answer:
    """Write each number out; VANISHED (EARLIER) is an answer and no state."""
    word, _, numbers = answer.code.partition(" ")
    if word == "MODIFIED":
        answer = replace(answer, code=f"MODIFIED {_uids(numbers)}")
    data = []
    for each in answer.data:
        if each.kind == "VANISHED" and each.values[0] == ["EARLIER"]:
            each = Data("EARLIER", None, tuple(_uids(str(each.values[1]))))  # noqa: PLW2901
        data.append(each)
    return replace(answer, data=tuple(data))


def _uids(text: str) -> list[Value]:
    """Return the numbers of a set."""
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition(":")
        found.update(range(int(low), int(high or low) + 1))
    return [*sorted(found)]


def _modseqs(_command: str, answer: Answer) -> Answer:
    return replace(answer, data=tuple(map(_without_modseq, answer.data)))


def _without_modseq(data: Data) -> Data:
    """Put a sign where a modification sequence stands."""
    values = data.values
    if data.kind in ("FETCH", "STATUS") and isinstance(values[-1], list):
        pairs = list(values[-1])
        for at in range(0, len(pairs) - 1, 2):
            if pairs[at] in ("MODSEQ", "HIGHESTMODSEQ", "UIDVALIDITY"):
                pairs[at + 1] = "…"
        return replace(data, values=(*values[:-1], pairs))
    if data.kind == "SEARCH" and values and isinstance(values[-1], list):
        return replace(data, values=values[:-1])
    return data


def _unasked(command: str, answer: Answer) -> Answer:
    kept = tuple(
        data
        for data in answer.data
        if data.kind not in _STATE
        and not (
            data.kind == "FETCH"
            and command.partition(" ")[0] not in ("FETCH", "STORE")
            and "(QRESYNC" not in command
        )
    )
    return replace(answer, data=kept)


def _unasked_flags(command: str, answer: Answer) -> Answer:
    unasked = {"FLAGS", "MODSEQ"} - set(re.findall("FLAGS|MODSEQ", command))
    if not command.startswith("FETCH") or not unasked or "CHANGEDSINCE" in command:
        return answer
    kept = []
    for data in answer.data:
        pairs = _items(data)
        if data.kind != "FETCH" or not unasked & pairs.keys():
            kept.append(data)
            continue
        for item in unasked:
            pairs.pop(item, None)
        if not pairs.keys() <= {"UID"}:
            flat = [part for pair in pairs.items() for part in pair]
            kept.append(replace(data, values=(flat,)))  # type: ignore[arg-type]  # values again
    return replace(answer, data=tuple(kept))


def _order_of_items(_command: str, answer: Answer) -> Answer:
    data = tuple(
        replace(each, values=tuple(sorted(_items(each).items())))  # type: ignore[arg-type]  # pairs
        if each.kind in ("FETCH", "STATUS")
        else each
        for each in answer.data
    )
    return replace(answer, data=data)


def _recent(_command: str, answer: Answer) -> Answer:
    return replace(answer, data=tuple(_without(each, "\\Recent") for each in answer.data))


def _order_of_flags(_command: str, answer: Answer) -> Answer:
    return replace(answer, data=tuple(_sorted_flags(each) for each in answer.data))


def _attributes(_command: str, answer: Answer) -> Answer:
    data = answer.data
    for name in ("\\Marked", "\\UnMarked", "\\HasNoChildren", "\\Subscribed"):
        data = tuple(
            _without(each, name) if each.kind in ("LIST", "LSUB") else each for each in data
        )
    return replace(answer, data=data)


def _order_of_lines(command: str, answer: Answer) -> Answer:
    if command.startswith(("SORT", "THREAD")):
        return answer
    data = tuple(
        replace(each, values=tuple(sorted(each.values, key=str))) if each.kind == "SEARCH" else each
        for each in answer.data
    )
    return replace(answer, data=tuple(sorted(data, key=str)))


def _empty(_command: str, answer: Answer) -> Answer:
    empty = Data("SEARCH", None, ())
    return replace(answer, data=tuple(each for each in answer.data if each != empty))


RULES = (
    Rule("codes are optional", "RFC 3501 §7.1", _code),
    Rule("COPYUID of MOVE is untagged", "RFC 6851 §4.3", _untagged_copyuid),
    Rule("UIDVALIDITY is the server's", "RFC 3501 §2.3.1.1", _validity),
    Rule("a set of numbers has many spellings", "RFC 9051 §9", _sets),
    Rule("modification sequences are the server's", "RFC 7162 §3.1", _modseqs),
    Rule("state may be told with any answer", "RFC 3501 §7", _unasked),
    Rule("flags and their modseq may be told with any answer", "RFC 7162 §3.1", _unasked_flags),
    Rule("\\Recent is one session's", "RFC 3501 §2.3.2", _recent),
    Rule("flags have no order", "RFC 3501 §2.3.2", _order_of_flags),
    Rule("items have no order", "RFC 3501 §7.4.2", _order_of_items),
    Rule("hints of LIST are optional", "RFC 3501 §7.2.2", _attributes),
    Rule("lines have no order", "RFC 3501 §7", _order_of_lines),
    Rule("a search that finds nothing may say nothing", "RFC 3501 §7.2.5", _empty),
)


@dataclass(frozen=True)
class Allowed:
    """A difference between two normal answers, ours and the peer's, that both may make."""

    name: str
    section: str
    holds: Callable[[str, Answer, Answer], bool]


def _store_without_change(command: str, ours: Answer, theirs: Answer) -> bool:
    return (
        command.startswith("STORE")
        and (ours.status, ours.code) == (theirs.status, theirs.code)
        and set(map(str, theirs.data)) < set(map(str, ours.data))
    )


def _copy_of_nothing(command: str, ours: Answer, theirs: Answer) -> bool:
    return (
        command.startswith(("COPY", "MOVE"))
        and ours == Answer("NO", "TRYCREATE", ())
        and theirs == Answer("OK", "", ())
    )


def _read_only(command: str, ours: Answer, theirs: Answer) -> bool:
    return (
        command.startswith(("STORE", "EXPUNGE"))
        and ours == Answer("NO", "READ-ONLY", ())
        and theirs == Answer("OK", "", ())
    )


ALLOWED = (
    Allowed("a change of what is read-only is refused or ignored", "RFC 3501 §6.3.2", _read_only),
    Allowed(
        "STORE may keep quiet of what did not change", "RFC 3501 §6.4.6", _store_without_change
    ),
    Allowed("a COPY of nothing may look for its target", "RFC 3501 §6.4.8", _copy_of_nothing),
)


class Normaliser:
    """Applies the rules in order and counts."""

    def __init__(self) -> None:
        self.fired: Counter[str] = Counter()

    def agree(self, command: bytes, ours: Answer, theirs: Answer) -> bool:
        """Tell whether two normal answers are the same, or differ as they may."""
        if ours == theirs:
            return True
        text = _text(command)
        for allowed in ALLOWED:
            if allowed.holds(text, ours, theirs):
                self.fired[allowed.name] += 1
                return True
        return False

    def normal(self, command: bytes, answer: Answer) -> Answer:
        text = _text(command)
        for rule in RULES:
            after = rule.apply(text, answer)
            self.fired[rule.name] += after != answer
            answer = after
        return answer

    def table(self) -> str:
        return "\n".join(
            f"{self.fired[rule.name]:>7}  {rule.name} ({rule.section})"
            for rule in (*RULES, *ALLOWED)
        )


def _text(command: bytes) -> str:
    """Return *command* in capitals, without UID before it."""
    return command.decode("latin-1").upper().removeprefix("UID ")


def _items(data: Data) -> dict[str, object]:
    """Return the pairs of the last value, a list: item names and values."""
    values: tuple[object, ...] = data.values  # pairs, once they are in order
    pairs = values[-1]
    if not isinstance(pairs, list):
        return {str(pair[0]): pair[1] for pair in values if isinstance(pair, tuple)}
    return {str(name): value for name, value in zip(pairs[::2], pairs[1::2], strict=False)}


def _without(data: Data, word: str) -> Data:
    values = tuple(_drop(value, word) for value in data.values)
    return data if values == data.values else replace(data, values=values)  # type: ignore[arg-type]  # values again


def _drop(value: object, word: str) -> object:
    if isinstance(value, list | tuple):
        kept = [_drop(each, word) for each in value if each != word]
        return tuple(kept) if isinstance(value, tuple) else kept
    return value


def _sorted_flags(data: Data) -> Data:
    if data.kind != "FETCH" or not isinstance(data.values[-1], list):
        return data
    pairs = list(data.values[-1])
    for at in range(0, len(pairs) - 1, 2):
        flags = pairs[at + 1]
        if pairs[at] == "FLAGS" and isinstance(flags, list):
            pairs[at + 1] = sorted(flags, key=str)
    return replace(data, values=(*data.values[:-1], pairs))
