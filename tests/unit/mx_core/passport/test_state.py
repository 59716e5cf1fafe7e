"""What may be asked of a state."""

from mx_core.model.ids import DeviceId
from mx_core.passport.op import Kind, Profile
from tests.support.people import make_person


def test_a_removed_device_is_known_and_not_active() -> None:
    person = make_person()
    helper = person.add(Kind.LIMITED)
    person.remove(helper)
    state = person.state

    record = state.record(helper.id)

    assert state.active == (person.first.device,)
    assert state.active_device(helper.id) is None
    assert record is not None
    assert [record.active_at(seq) for seq in range(4)] == [False, True, False, False]


def test_only_a_full_device_counts_as_full() -> None:
    person = make_person()
    person.add(Kind.LIMITED)

    assert person.state.full == (person.first.device,)


def test_a_device_that_never_was_is_not_known() -> None:
    assert make_person().state.record(DeviceId(bytes(16))) is None


def test_without_op_7_the_profile_is_the_default_of_the_design() -> None:
    assert make_person().state.profile == Profile(True, 20, 64 * 1024 * 1024, False, 1)
