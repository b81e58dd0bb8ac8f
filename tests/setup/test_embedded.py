"""The embedded servers start, keep what they were given, and stop for sure."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from tests.setup.conftest import processes_in, until, wait_for

Embedded = Callable[..., "subprocess.CompletedProcess[str]"]
Spawn = Callable[..., "subprocess.Popen[str]"]
WAITS = "import signal; print('borrowed', flush=True); signal.pause()"


def addresses(embedded: Embedded) -> dict[str, str]:
    return dict(re.findall(r"export (\w+)='?([^'\n]+)'?", embedded("env").stdout))


def connect(embedded: Embedded) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(addresses(embedded)["DATABASE_URL"], autocommit=True)


def main_pids(home: Path) -> list[int]:
    [postmaster] = home.glob("pg[0-9]*/postmaster.pid")
    return [int(postmaster.read_text().split()[0]), int((home / "valkey.pid").read_text())]


def kill_servers(home: Path) -> None:
    for pid in main_pids(home):
        os.kill(pid, signal.SIGKILL)


def test_what_was_written_survives_stop_and_kill(embedded: Embedded, home: Path) -> None:
    assert embedded("up").returncode == 0
    with connect(embedded) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('ordinary stop')")
    assert embedded("stop").returncode == 0
    assert not processes_in(home)

    assert embedded("up").returncode == 0
    with connect(embedded) as connection:
        connection.execute("insert into kept values ('kill -9')")
    with redis.Redis.from_url(addresses(embedded)["REDIS_URL"]) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 2000)
    kill_servers(home)
    again = embedded("up")

    assert again.returncode == 0, again.stderr
    with connect(embedded) as connection:
        assert connection.execute("select word from kept").fetchall() == [("ordinary stop",), ("kill -9",)]
    with redis.Redis.from_url(addresses(embedded)["REDIS_URL"]) as client:
        assert client.get("kept") == b"yes"


def test_stale_files_that_name_a_living_stranger_do_not_stop_the_next_start(embedded: Embedded, home: Path) -> None:
    embedded("up")
    postmaster = next(home.glob("pg[0-9]*/postmaster.pid"))
    content = postmaster.read_text()
    kill_servers(home)
    stranger = str(os.getpid())
    postmaster.write_text(content.replace(content.split()[0], stranger, 1))
    (home / "run" / ".s.PGSQL.5432.lock").write_text(stranger)
    (home / "valkey.pid").write_text(stranger)

    again = embedded("up")

    assert again.returncode == 0, again.stderr
    assert embedded("status").returncode == 0


@pytest.mark.fault
def test_servers_whose_sockets_were_swept_away_are_started_again(embedded: Embedded, home: Path) -> None:
    embedded("up")
    before = main_pids(home)
    for path in (home / "run").iterdir():
        path.unlink()

    again = embedded("up")

    assert again.returncode == 0, again.stderr
    assert embedded("status").returncode == 0
    assert not set(before) & set(main_pids(home))


def test_nothing_listens_on_the_network_and_nobody_else_may_look(embedded: Embedded, home: Path) -> None:
    embedded("up")

    with connect(embedded) as connection:
        assert connection.execute("show listen_addresses").fetchall() == [("",)]
        assert connection.execute("show fsync").fetchall() == [("on",)]
        assert connection.execute("show max_connections").fetchall() == [("200",)]
    with redis.Redis.from_url(addresses(embedded)["REDIS_URL"]) as client:
        assert "0" in str(client.config_get("port"))
    assert stat.S_IMODE((home / "embedded.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) & 0o066 == 0
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(unix_socket_path=str(home / "run" / "valkey.sock")).ping()


def test_run_stops_what_it_started_and_passes_the_exit_code_on(embedded: Embedded, home: Path) -> None:
    program = "import os, sys; sys.exit(7 if os.environ['REDIS_URL'].startswith('unix://') else 1)"

    ran = embedded("run", "--", sys.executable, "-c", program)

    assert ran.returncode == 7
    assert not processes_in(home)


def test_run_leaves_servers_that_were_up_before(embedded: Embedded) -> None:
    embedded("up")

    embedded("run", "--", sys.executable, "-c", "")

    assert embedded("status").returncode == 0


def test_the_last_of_two_borrowers_stops_the_servers(embedded: Embedded, spawn: Spawn, home: Path) -> None:
    first = spawn("promoplatform.devserver.embedded", "run", "--", sys.executable, "-c", WAITS)
    wait_for("borrowed", first)

    second = embedded("run", "--", sys.executable, "-c", "")
    assert second.returncode == 0
    assert embedded("status").returncode == 0
    first.terminate()
    first.wait(30)

    assert not processes_in(home)


def test_a_killed_borrower_leaves_no_servers(spawn: Spawn, home: Path) -> None:
    borrower = spawn("promoplatform.devserver.embedded", "run", "--", sys.executable, "-c", WAITS)
    wait_for("borrowed", borrower)

    os.killpg(borrower.pid, signal.SIGKILL)
    borrower.wait()

    until(lambda: not processes_in(home))


def test_a_given_server_is_not_started(embedded: Embedded, environment: dict[str, str], home: Path) -> None:
    environment.update(DATABASE_URL="postgresql://elsewhere/promo", REDIS_URL="redis://elsewhere")

    ran = embedded("run", "--", sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'])")

    assert ran.stdout.strip() == "postgresql://elsewhere/promo"
    assert not (home / "embedded.json").exists()


def test_a_home_with_a_path_too_long_for_sockets_works(
    embedded: Embedded, environment: dict[str, str], home: Path
) -> None:
    long_home = home / ("a folder with a long name " * 5)
    environment["PROMO_HOME"] = str(long_home)

    ran = embedded("run", "--", sys.executable, "-m", "promoplatform.devserver.embedded", "status")

    assert ran.returncode == 0, ran.stderr
    assert "PostgreSQL: up" in ran.stdout
    assert "Valkey: up" in ran.stdout
