from gateway.web.page.visits import SESSION_SECONDS, TICKET_SECONDS, Visits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_opens_once() -> None:
    visits = Visits(Clock())
    ticket = visits.ticket()

    session = visits.enter(ticket)

    assert session is not None
    assert visits.holds(session)
    assert visits.enter(ticket) is None


def test_a_ticket_is_no_session_and_a_session_no_ticket() -> None:
    visits = Visits(Clock())
    ticket = visits.ticket()
    session = visits.enter(visits.ticket())

    assert not visits.holds(ticket)
    assert session is not None
    assert visits.enter(session) is None


def test_an_old_ticket_opens_nothing() -> None:
    clock = Clock()
    visits = Visits(clock)
    ticket = visits.ticket()
    clock.now += TICKET_SECONDS + 1

    assert visits.enter(ticket) is None


def test_a_session_lasts_from_its_last_use() -> None:
    clock = Clock()
    visits = Visits(clock)
    session = visits.enter(visits.ticket())
    assert session is not None
    for _ in range(3):
        clock.now += SESSION_SECONDS - 1
        assert visits.holds(session)
    clock.now += SESSION_SECONDS + 1

    assert not visits.holds(session)


def test_who_leaves_is_out() -> None:
    visits = Visits(Clock())
    session = visits.enter(visits.ticket())
    assert session is not None

    visits.leave(session)

    assert not visits.holds(session)


def test_many_tickets_and_sessions_cost_bounded_memory_and_the_oldest_go_first() -> None:
    visits = Visits(Clock())
    first = visits.ticket()
    tickets = [visits.ticket() for _ in range(100)]
    sessions = [visits.enter(tickets[-1])]
    sessions += [visits.enter(visits.ticket()) for _ in range(100)]

    assert visits.enter(first) is None
    assert not visits.holds(sessions[0] or "")
    assert visits.holds(sessions[-1] or "")


def test_octets_that_are_no_text_hold_nothing() -> None:
    assert not Visits(Clock()).holds("\udcff")
