"""THREAD=REFERENCES as RFC 5256 §3 tells it, step by step, with trees and recursion and no speed."""

from __future__ import annotations

from dataclasses import dataclass, field

from mx_core.model.header_keys import ThreadKeys


@dataclass(eq=False)
class Node:
    place: int | None = None  # of the message; None: a dummy
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)


def _adopt(parent: Node | None, child: Node) -> None:
    if child.parent is not None:
        child.parent.children.remove(child)
    child.parent = parent
    if parent is not None:
        parent.children.append(child)


def _is_above(one: Node, other: Node | None) -> bool:
    while other is not None:
        if other is one:
            return True
        other = other.parent
    return False


def _step_1(keys: list[ThreadKeys]) -> list[Node]:
    table: dict[int, Node] = {}
    nodes: list[Node] = []
    for place, key in enumerate(keys):
        own = table.get(key.id) if key.id else None
        if own is None or own.place is not None:
            made = Node()
            nodes.append(made)
            if key.id and own is None:
                table[key.id] = made
            own = made
        own.place = place
        before: Node | None = None
        for reference in key.references:
            if reference not in table:
                table[reference] = Node()
                nodes.append(table[reference])
            named = table[reference]
            if before is not None and named.parent is None and not _is_above(named, before):
                _adopt(before, named)
            before = named
        if own.parent is not before:
            _adopt(None, own)
            if before is not None and not _is_above(own, before):
                _adopt(before, own)
    return [node for node in nodes if node.parent is None]


def _pruned(node: Node, *, at_top: bool) -> list[Node]:
    node.children = [kept for child in node.children for kept in _pruned(child, at_top=False)]
    if node.place is not None:
        return [node]
    if at_top and len(node.children) > 1:
        return [node]
    return node.children


def threads(keys: list[ThreadKeys], sent: list[int]) -> bytes:
    """Return the thread lists, by sequence number."""
    roots = [kept for root in _step_1(keys) for kept in _pruned(root, at_top=True)]

    def when(node: Node) -> tuple[int, int]:
        if node.place is None:
            return min(map(when, node.children))
        return sent[node.place], node.place

    def key_of(node: Node) -> ThreadKeys:
        return keys[when(node)[1]]

    roots.sort(key=when)
    table: dict[int, Node] = {}
    for root in roots:
        subject = key_of(root).subject
        if not subject:
            continue
        held = table.get(subject)
        if held is None or (
            held.place is not None
            and (
                root.place is None or (keys[held.place].is_reply and not keys[root.place].is_reply)
            )
        ):
            table[subject] = root
    tops = list(roots)
    subjects = [key_of(root).subject for root in roots]
    for root, subject in zip(roots, subjects, strict=True):
        held = table.get(subject)
        if not subject or held is None or held is root or root not in tops:
            continue
        tops.remove(root)
        if held.place is None and root.place is None:
            held.children += root.children
        elif held.place is None or (
            root.place is not None and keys[root.place].is_reply and not keys[held.place].is_reply
        ):
            held.children.append(root)
        else:
            dummy = Node(children=[held, root])
            tops.remove(held)
            tops.append(dummy)
            table[subject] = dummy
    return b"".join(b"(%b)" % _spell(top, when) for top in sorted(tops, key=when))


def _spell(node: Node, when: object) -> bytes:
    node.children.sort(key=when)  # type: ignore[arg-type]
    own = [] if node.place is None else [b"%d" % (node.place + 1)]
    if len(node.children) == 1:
        return b" ".join([*own, _spell(node.children[0], when)])
    nested = b"".join(b"(%b)" % _spell(child, when) for child in node.children)
    return b" ".join([*own, nested] if nested else own)
