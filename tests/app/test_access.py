from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from svrag.app import access as module
from svrag.app.access import Access, check_may_listen, keep_user, user_of
from svrag.app.users import User, Users
from svrag.errors import InputError, LibraryError
from svrag.library.store import Library


def test_without_accounts_there_is_one_user_whose_library_is_the_folder(tmp_path: Path) -> None:
    access = Access(tmp_path)
    assert access.user() == access.user(key="x", session="y") == User("", tmp_path)
    assert access.login("", "") is None


def test_a_key_opens_the_library_of_its_user_alone(tmp_path: Path) -> None:
    users = Users(tmp_path)
    key, other = users.add("anna"), users.add("ben")
    access = Access(tmp_path)
    assert access.user(key=key) == User("anna", tmp_path / "users" / "anna")
    assert access.user(key=other) == User("ben", tmp_path / "users" / "ben")
    for wrong in ("", "anna", key + "x", key.upper(), "\ud800"):
        assert access.user(key=wrong) is None
    with Library.open(tmp_path / "users" / "anna", create=False) as library:
        assert library.documents() == []


def test_a_folder_with_accounts_alone_may_become_a_library_of_its_own(tmp_path: Path) -> None:
    Users(tmp_path).add("anna")
    with Library.open(tmp_path) as library:
        assert library.documents() == []


def test_neither_key_nor_password_is_kept(tmp_path: Path) -> None:
    key = Users(tmp_path).add("anna", "correct horse")
    file = tmp_path / "users" / "accounts.json"
    assert key not in file.read_text()
    assert "horse" not in file.read_text()
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_login_lasts_until_it_is_ended_or_old_or_the_account_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = Users(tmp_path)
    key = users.add("anna", "correct horse")
    access = Access(tmp_path)
    anna = User("anna", tmp_path / "users" / "anna")
    for name, wrong in (("anna", "wrong horse"), ("anna", ""), ("nobody", "correct horse"), ("", "")):
        assert access.login(name, wrong) is None
    session = access.login("anna", "correct horse")
    assert session is not None
    assert access.user(session=session) == anna
    assert access.user(session=session + "x") is None
    by_key = access.login("anna", key)
    assert by_key is not None
    access.logout(session)
    assert access.user(session=session) is None
    assert access.user(session=by_key) == anna

    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.SESSION_SECONDS + 1)
    assert access.user(session=by_key) is None
    monkeypatch.undo()
    users.remove("anna")
    assert access.user(session=by_key) is None
    assert access.user(key=key) is None
    assert (tmp_path / "users" / "anna" / "library.db").exists()


def test_without_a_password_there_is_no_login_by_an_empty_one(tmp_path: Path) -> None:
    Users(tmp_path).add("anna")
    assert Access(tmp_path).login("anna", "") is None


def test_sessions_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Users(tmp_path).add("anna")
    monkeypatch.setattr(module, "_MOST_SESSIONS", 3)
    access = Access(tmp_path)
    sessions = [access.login("anna", key) for _ in range(5)]
    assert [access.user(session=session or "") is not None for session in sessions] == [False] * 2 + [True] * 3


def test_a_new_key_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    users = Users(tmp_path)
    old, new = users.add("anna"), users.add("anna")
    assert users.by_key(old) is None
    assert users.by_key(new) is not None
    assert [account.name for account in users.all()] == ["anna"]


def test_what_another_process_changes_is_seen(tmp_path: Path) -> None:
    served, command = Users(tmp_path), Users(tmp_path)
    assert not served
    key = command.add("anna")
    assert served.by_key(key) is not None
    command.remove("anna")
    assert served.by_key(key) is None


@pytest.mark.parametrize("name", ["", "Anna", "../anna", "a/b", ".anna", "a" * 33, "accounts.json", "anna\n"])
def test_names_that_are_no_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="small letters"):
        Users(tmp_path).add(name)
    assert list(tmp_path.iterdir()) == []


def test_errors_are_one_line(tmp_path: Path) -> None:
    users = Users(tmp_path)
    with pytest.raises(InputError, match="too short"):
        users.add("anna", "short")
    with pytest.raises(InputError, match="no user 'ben'"):
        users.remove("ben")
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "accounts.json").write_text("{")
    with pytest.raises(LibraryError, match="cannot read the users"):
        bool(users)


def test_who_is_reachable_by_others_must_ask_who_they_are(tmp_path: Path) -> None:
    nobody = Access(tmp_path)
    for host in ("127.0.0.1", "localhost", "::1"):
        check_may_listen(host, nobody, insecure=False)
    for host in ("0.0.0.0", "::", "192.168.1.7", "example.org"):
        with pytest.raises(InputError, match="svrag users add NAME"):
            check_may_listen(host, nobody, insecure=False)
        check_may_listen(host, nobody, insecure=True)
    Users(tmp_path).add("anna")
    check_may_listen("0.0.0.0", Access(tmp_path), insecure=False)


def test_a_request_carries_its_user(tmp_path: Path) -> None:
    scope: dict[str, object] = {}
    keep_user(scope, User("anna", tmp_path))
    assert user_of(scope) == User("anna", tmp_path)
    with pytest.raises(KeyError):
        user_of({})
