"""A story told in steps: each is played once, in order, and printed as one line of JSON."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Story:
    """What happened so far."""

    title: str
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def play(
        self,
        steps: Sequence[tuple[str, Callable[[], object]]],
        *,
        vital: frozenset[str] = frozenset(),
        on_failure: Callable[[str], str] = lambda _name: "",
    ) -> None:
        """Play all steps; one that is *vital* and fails ends the story.

        *on_failure* clears the way for the next step and returns what was in it.
        """
        for name, step in steps:
            began = time.monotonic()
            line: dict[str, object] = {"story": self.title, "step": name}
            try:
                line["detail"] = step()
                self.passed.append(name)
            except Exception as error:  # noqa: BLE001  # whatever a step throws is its result
                seen = on_failure(name)
                self.failed[name] = f"{type(error).__name__}: {str(error)[:1500]} {seen}".strip()
                line["failed"] = self.failed[name]
            line["seconds"] = round(time.monotonic() - began, 2)
            print(json.dumps(line, ensure_ascii=False, default=str), flush=True)
            if name in self.failed and name in vital:
                return
