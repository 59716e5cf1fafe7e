"""Our door with a bug that a person would hardly see: MOVE keeps no flags but \\Seen."""

from collections.abc import Sequence

from mx_core.model.flags import SEEN, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import Copied, FlagChange
from mx_core.store.mail.writer import Writer
from tests.differential import folder_door

_sound = Writer.move


def _forgetful(
    self: Writer, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName
) -> Copied:
    moved = _sound(self, mailbox, uids, target)
    box = self.mailbox(target).id
    for flags in set(self.snapshot(box).flags):
        lost: FlagSet = flags - {SEEN}
        self.store_flags(box, moved.target, FlagChange.REMOVE, lost)
    return moved


if __name__ == "__main__":
    Writer.move = _forgetful  # type: ignore[method-assign]  # the bug
    folder_door.main()
