from http import HTTPStatus

import pytest

from gateway.web.page.guard import cookie, refusal, session_of

HOSTS = frozenset({"127.0.0.1:1180", "localhost:1180"})
HOST = (b"host", b"127.0.0.1:1180")
OWN = (b"origin", b"http://127.0.0.1:1180")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"evil.example:1180")],
        [(b"host", b"127.0.0.1")],
        [(b"host", b"127.0.0.1:80")],
        [(b"host", b"localhost:1180.evil.example")],
        [HOST, (b"host", b"evil.example")],
        [(b"host", b"\xff")],
    ],
)
def test_another_name_for_this_machine_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    why = refusal("GET", headers, HOSTS)

    assert why is not None
    assert why[0] is HTTPStatus.MISDIRECTED_REQUEST


def test_reading_needs_no_origin() -> None:
    assert refusal("GET", [HOST], HOSTS) is None
    assert refusal("HEAD", [(b"host", b"LOCALHOST:1180")], HOSTS) is None


@pytest.mark.parametrize(
    "headers",
    [
        [HOST],
        [HOST, (b"origin", b"null")],
        [HOST, (b"origin", b"http://evil.example")],
        [HOST, (b"origin", b"https://127.0.0.1:1180")],
        [HOST, (b"origin", b"http://localhost:1180")],
        [HOST, OWN, OWN],
        [HOST, OWN, (b"sec-fetch-site", b"cross-site")],
        [HOST, OWN, (b"sec-fetch-site", b"same-site")],
        [HOST, OWN, (b"sec-fetch-site", b"none")],
    ],
)
def test_a_form_of_another_page_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    why = refusal("POST", headers, HOSTS)

    assert why is not None
    assert why[0] is HTTPStatus.FORBIDDEN


def test_a_form_of_this_page_passes() -> None:
    assert refusal("POST", [HOST, OWN], HOSTS) is None
    assert refusal("POST", [HOST, OWN, (b"sec-fetch-site", b"same-origin")], HOSTS) is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"])
def test_other_methods_are_not_known(method: str) -> None:
    why = refusal(method, [HOST, OWN], HOSTS)

    assert why is not None
    assert why[0] is HTTPStatus.METHOD_NOT_ALLOWED


def test_the_session_is_read_from_its_cookie_alone() -> None:
    sent = cookie("token", seconds=60).partition(";")[0].encode()

    assert session_of([(b"cookie", b"other=1; " + sent)]) == "token"
    assert session_of([(b"cookie", b"other=token")]) == ""
    assert session_of([(b"cookie", b"\xff;;=\x00")]) == ""
    assert session_of([]) == ""


def test_the_cookie_is_kept_from_scripts_and_from_other_sites() -> None:
    assert cookie("token", seconds=60) == (
        "mx_page=token; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
    )
