"""The embedded servers start, keep their data, and stop."""

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

from tests.setup.conftest import processes_in, wait_for, wait_until

Embedded = Callable[..., "subprocess.CompletedProcess[str]"]
Spawn = Callable[..., "subprocess.Popen[str]"]
WAITING_PROGRAM = "import signal; print('running', flush=True); signal.pause()"


def addresses(embedded: Embedded) -> dict[str, str]:
    return dict(re.findall(r"export (\w+)='?([^'\n]+)'?", embedded("env").stdout))


def connect(embedded: Embedded) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(addresses(embedded)["DATABASE_URL"], autocommit=True)


def main_pids(data_dir: Path) -> list[int]:
    [postmaster] = data_dir.glob("pg[0-9]*/postmaster.pid")
    return [int(postmaster.read_text().split()[0]), int((data_dir / "valkey.pid").read_text())]


def kill_servers(data_dir: Path) -> None:
    for pid in main_pids(data_dir):
        os.kill(pid, signal.SIGKILL)


def test_data_survives_stop_and_kill(embedded: Embedded, data_dir: Path) -> None:
    assert embedded("up").returncode == 0
    with connect(embedded) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("insert into kept values ('ordinary stop')")
    assert embedded("stop").returncode == 0
    assert not processes_in(data_dir)

    assert embedded("up").returncode == 0
    with connect(embedded) as connection:
        connection.execute("insert into kept values ('kill -9')")
    with redis.Redis.from_url(addresses(embedded)["REDIS_URL"]) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 2000)
    kill_servers(data_dir)
    again = embedded("up")

    assert again.returncode == 0, again.stderr
    with connect(embedded) as connection:
        assert connection.execute("select word from kept").fetchall() == [("ordinary stop",), ("kill -9",)]
    with redis.Redis.from_url(addresses(embedded)["REDIS_URL"]) as client:
        assert client.get("kept") == b"yes"


def test_stale_files_with_the_id_of_another_process_do_not_block_a_start(embedded: Embedded, data_dir: Path) -> None:
    embedded("up")
    postmaster = next(data_dir.glob("pg[0-9]*/postmaster.pid"))
    content = postmaster.read_text()
    kill_servers(data_dir)
    other_pid = str(os.getpid())
    postmaster.write_text(content.replace(content.split()[0], other_pid, 1))
    (data_dir / "run" / ".s.PGSQL.5432.lock").write_text(other_pid)
    (data_dir / "valkey.pid").write_text(other_pid)

    again = embedded("up")

    assert again.returncode == 0, again.stderr
    assert embedded("status").returncode == 0


@pytest.mark.fault
def test_servers_whose_sockets_were_swept_away_are_started_again(embedded: Embedded, data_dir: Path) -> None:
    embedded("up")
    before = main_pids(data_dir)
    for path in (data_dir / "run").iterdir():
        path.unlink()

    again = embedded("up")

    assert again.returncode == 0, again.stderr
    assert embedded("status").returncode == 0
    assert not set(before) & set(main_pids(data_dir))


def test_servers_are_private_to_the_user(embedded: Embedded, data_dir: Path) -> None:
    embedded("up")

    with connect(embedded) as connection:
        assert connection.execute("show listen_addresses").fetchall() == [("",)]
        assert connection.execute("show fsync").fetchall() == [("on",)]
        assert connection.execute("show max_connections").fetchall() == [("200",)]
    with redis.Redis.from_url(addresses(embedded)["REDIS_URL"]) as client:
        assert "0" in str(client.config_get("port"))
    assert stat.S_IMODE((data_dir / "embedded.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) & 0o066 == 0
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(unix_socket_path=str(data_dir / "run" / "valkey.sock")).ping()


def test_run_stops_its_servers_and_returns_the_exit_code(embedded: Embedded, data_dir: Path) -> None:
    program = "import os, sys; sys.exit(7 if os.environ['REDIS_URL'].startswith('unix://') else 1)"

    ran = embedded("run", "--", sys.executable, "-c", program)

    assert ran.returncode == 7
    assert not processes_in(data_dir)


def test_run_keeps_servers_that_were_running(embedded: Embedded) -> None:
    embedded("up")

    embedded("run", "--", sys.executable, "-c", "")

    assert embedded("status").returncode == 0


def test_last_of_two_users_stops_the_servers(embedded: Embedded, spawn: Spawn, data_dir: Path) -> None:
    first = spawn("promoplatform.devserver.embedded", "run", "--", sys.executable, "-c", WAITING_PROGRAM)
    wait_for("running", first)

    second = embedded("run", "--", sys.executable, "-c", "")
    assert second.returncode == 0
    assert embedded("status").returncode == 0
    first.terminate()
    first.wait(30)

    assert not processes_in(data_dir)


def test_killed_user_leaves_no_servers(spawn: Spawn, data_dir: Path) -> None:
    user = spawn("promoplatform.devserver.embedded", "run", "--", sys.executable, "-c", WAITING_PROGRAM)
    wait_for("running", user)

    os.killpg(user.pid, signal.SIGKILL)
    user.wait()

    wait_until(lambda: not processes_in(data_dir))


def test_configured_server_is_not_started(embedded: Embedded, environment: dict[str, str], data_dir: Path) -> None:
    environment.update(DATABASE_URL="postgresql://elsewhere/promo", REDIS_URL="redis://elsewhere")

    ran = embedded("run", "--", sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'])")

    assert ran.stdout.strip() == "postgresql://elsewhere/promo"
    assert not (data_dir / "embedded.json").exists()


def test_data_directory_may_have_a_long_path(embedded: Embedded, environment: dict[str, str], data_dir: Path) -> None:
    long_path = data_dir / ("a folder with a long name " * 5)
    environment["PROMO_HOME"] = str(long_path)

    ran = embedded("run", "--", sys.executable, "-m", "promoplatform.devserver.embedded", "status")

    assert ran.returncode == 0, ran.stderr
    assert "PostgreSQL: up" in ran.stdout
    assert "Valkey: up" in ran.stdout
