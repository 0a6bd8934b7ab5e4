"""sekishod's options: which source wins, what is refused and what is said of it."""
import os
import socket
import subprocess

import pytest

from daemon import BUILD, ROOT


def sekishod(*options, env=None, timeout=20):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    return subprocess.run([str(BUILD / "sekishod"), *map(str, options)], capture_output=True, text=True,
                          timeout=timeout, env=clean | (env or {}))


def printed(*options, env=None):
    """{section: {key: value}} of --print-config"""
    result = sekishod(*options, "--print-config", env=env)
    assert result.returncode == 0, result.stderr
    sections, section = {}, None
    for line in result.stdout.splitlines():
        if line.startswith("# ") and "=" not in line:
            section = sections.setdefault(line[2:], {})
        elif not line.startswith("#"):
            key, _, value = line.partition(" = ")
            section[key] = value
    return sections


@pytest.fixture
def conf(tmp_path):
    def write(text):
        path = tmp_path / "sekishod.conf"
        path.write_text(text)
        return path
    return write


# --- sources ------------------------------------------------------------------------------------------


def test_flags_win_over_environment_over_file_over_default(conf):
    path = conf("threads = 3\nlog-level = warn\nstate = /srv/file\n")
    env = {"SEKISHO_LOG_LEVEL": "debug", "SEKISHO_STATE": "/srv/env"}
    sections = printed("--config", path, "--state", "/srv/flag", env=env)
    assert sections["command line"] == {"state": "/srv/flag"}
    assert sections["environment"] == {"log-level": "debug"}
    assert sections["file"] == {"threads": "3"}
    assert sections["default"]["store"] == "sqlite:/srv/flag/sekisho.db"
    assert sections["default"]["keys"] == "/srv/flag/keys"
    assert sections["default"]["dial-listen"] == "127.0.0.1:8080"


def test_the_file_may_be_named_by_the_environment(conf):
    path = conf("threads = 5\n")
    assert printed(env={"SEKISHO_CONFIG": str(path)})["file"] == {"threads": "5"}


def test_a_stronger_list_replaces_and_a_repeated_flag_adds(conf):
    path = conf("dial-allow = 192.0.2.0/24\ndial-allow = 198.51.100.0/24\n")
    assert printed("--config", path)["file"]["dial-allow"] == "192.0.2.0/24, 198.51.100.0/24"
    sections = printed("--config", path, "--dial-allow=10.0.0.0/8", "--dial-allow", "::1")
    assert sections["command line"]["dial-allow"] == "10.0.0.0/8, ::1"
    assert "dial-allow" not in sections.get("file", {})


def test_the_password_of_redis_is_not_printed():
    sections = printed("--redis", "redis://sekisho:hunter2@h/1")
    assert sections["command line"] == {"redis": "redis://sekisho:***@h/1"}
    assert sections["default"]["redis-max-age"] == "1d"


def test_an_empty_variable_counts_as_not_set():
    assert printed(env={"SEKISHO_THREADS": ""})["default"]["threads"] == "0"


def test_what_is_printed_is_a_configuration_file(conf):
    first = sekishod("--print-config", "--threads", 7, "--agi-listen", "off", "--dial-allow", "10.0.0.0/8")
    again = sekishod("--config", conf(first.stdout), "--print-config")
    assert again.returncode == 0, again.stderr
    keys = sorted(line for line in first.stdout.splitlines() if not line.startswith("#"))
    assert keys == sorted(line for line in again.stdout.splitlines() if not line.startswith("#"))


def test_the_sample_file_is_good(tmp_path):
    sample = ROOT / "docker/sekishod.conf"
    result = sekishod("--config", sample, "--state", tmp_path, "--check-config")
    assert (result.returncode, result.stdout) == (0, "the configuration is good\n")


def test_passwords_are_not_printed():
    for url in ("postgres://me:hunter2@db/x", "postgres://db/x?password=hunter2",
                "postgres://db/x?password=hunter2&sslpassword=hunter2"):
        result = sekishod("--print-config", "--store", url)
        assert "hunter2" not in result.stdout + result.stderr
        assert "***" in result.stdout
        refused = sekishod("--store", url, "--agi-listen=192.0.2.1:1")
        assert refused.returncode == 2 and "hunter2" not in refused.stderr


# --- questions ----------------------------------------------------------------------------------------


def test_help_and_version_are_answered_whatever_else_is_wrong(conf):
    broken = conf("nonsense\n")
    for flag, begins in (("--help", "usage: sekishod"), ("--version", "sekishod ")):
        result = sekishod("--config", broken, flag, env={"SEKISHO_THREADS": "many"})
        assert result.returncode == 0 and result.stdout.startswith(begins)


def test_help_names_every_key_that_is_printed():
    text = sekishod("--help").stdout
    for section in printed("--tls-cert", "/x", "--dial-allow", "::1").values():
        for key in section:
            assert f"--{key}" in text and f"SEKISHO_{key.upper().replace('-', '_')}" in text


# --- what is refused ----------------------------------------------------------------------------------


def refused(*options, env=None):
    result = sekishod(*options, env=env)
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr.startswith("sekishod: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr[len("sekishod: "):-1]


@pytest.mark.parametrize("options, text", [
    (["--dail-listen=127.0.0.1:1"], "unknown option --dail-listen; did you mean --dial-listen?"),
    (["--frobnicate"], "unknown option --frobnicate"),
    (["extra"], '"extra" is one word too many'),
    (["--threads", "257"], "--threads: 257 is out of bounds, 0 to 256"),
    (["--threads", "x"], '--threads: expected a whole number, got "x"'),
    (["--log-level", "loud"], '--log-level: expected one of error|warn|info|debug, got "loud"'),
    (["--state"], "--state needs a value: DIR"),
    (["--dial-listen", "8080"], '--dial-listen: expected HOST:PORT or off, got "8080"'),
    (["--dial-listen", "localhost:http"], '--dial-listen: "http" is not a port, 0 to 65535'),
    (["--dial-listen", "pbx.example:80"], '--dial-listen: "pbx.example" is not a numeric address'),
    (["--dial-listen", "0.0.0.0:8080"],
     "dial-listen 0.0.0.0:8080 is not on loopback: name who may ask with --dial-allow"),
    (["--dial-listen", "[::]:8080"],
     "dial-listen [::]:8080 is not on loopback: name who may ask with --dial-allow"),
    (["--agi-listen", "192.0.2.1:4573"],
     "agi-listen 192.0.2.1:4573 is not on loopback and FastAGI has no tokens: name who may ask with "
     "--agi-allow"),
    (["--admin-listen", "0.0.0.0:8081"],
     "admin-listen 0.0.0.0:8081 is not on loopback: give it --tls-cert and --tls-key"),
    (["--dial-allow", "10.0.0.1/8"], '--dial-allow: "10.0.0.1/8" has bits behind its first 8'),
    (["--agi-allow", "pbx"], '--agi-allow: "pbx" is not a numeric address or network'),
    (["--agi-listen", "127.0.0.1:8081"], "two listeners have the same address and port"),
    (["--dial-listen=off", "--admin-listen=off", "--agi-listen=off"], "every listener is off"),
    (["--tls-cert", "/dev/null"], "--tls-cert and --tls-key go together"),
    (["--store", "mysql://db/x"],
     "--store: expected sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
    (["--store", "sqlite:"], "--store: sqlite:FILE needs the name of a file"),
    (["--store", "postgres://me:hunter2@[::1/x"],
     "--store: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
    (["--store", "postgres://me:hunter2@db/x?pass=hunter2"],
     "--store: there is no parameter pass"),
    (["--store", "postgres://me:hunter2@db:54x32/x"], "--store: a port is a number from 1 to 65535"),
    (["--store-connections", "1"], "--store-connections: 1 is out of bounds, 2 to 1000"),
    (["--store", "postgres://me:hunter2@a,b/x?port=1,2,3"],
     "--store: not as many ports as hosts are named"),
    (["--public-url", "sekisho.example"], "--public-url: expected http://… or https://…"),
    (["--numbering", "/nowhere"], "--numbering: /nowhere: No such file or directory"),
    (["--config", "/nowhere"], "--config: /nowhere: No such file or directory"),
])
def test_bad_options_end_the_start(options, text):
    assert refused(*options) == text
    assert refused(*options, "--check-config") == text


def test_mistakes_in_a_file_carry_file_and_line(conf):
    path = conf("# sample\n\nthreads = 2\nthread = 3\n")
    assert refused("--config", path) == f"{path}:4: unknown option thread; did you mean threads?"
    path = conf("state = /a\nstate = /b\n")
    assert refused("--config", path) == f"{path}:2: state was set before"
    path = conf("check-config = yes\n")
    assert refused("--config", path) == f"{path}:1: check-config belongs on the command line"
    path = conf("dial-listen = here\n")
    assert refused("--config", path) == f'{path}: dial-listen: expected HOST:PORT or off, got "here"'


def test_mistakes_in_the_environment_carry_the_variable():
    assert refused(env={"SEKISHO_THREADS": "x"}) == 'SEKISHO_THREADS: expected a whole number, got "x"'
    assert refused(env={"SEKISHO_AGI_LISTEN": "x"}) == \
        'SEKISHO_AGI_LISTEN: expected HOST:PORT or off, got "x"'
    assert refused(env={"SEKISHO_CONFIG": "/nowhere"}) == "SEKISHO_CONFIG: /nowhere: No such file or directory"


def test_a_first_start_has_no_keys_yet(tmp_path):
    for keys in (tmp_path, tmp_path / "later"):
        result = sekishod("--state", tmp_path, "--keys", keys, "--check-config")
        assert (result.returncode, result.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_private_key_that_everyone_can_read_is_refused(tmp_path):
    cert, key = tmp_path / "cert", tmp_path / "key"
    cert.write_text("cert"), key.write_text("key")
    key.chmod(0o644)
    text = refused("--state", tmp_path, "--tls-cert", cert, "--tls-key", key)
    assert text == f"--tls-key: {key}: everyone on this machine can read the private key"
    key.chmod(0o600)
    result = sekishod("--state", tmp_path, "--tls-cert", cert, "--tls-key", key, "--check-config")
    assert result.returncode == 0


def test_what_is_named_must_be_what_it_is_for(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert refused("--keys", file) == f"--keys: {file}: is not a folder"
    assert refused("--numbering", file) == f"--numbering: {file}: is not a folder"


def test_public_addresses_are_fine_with_their_guard(tmp_path):
    cert = tmp_path / "cert"
    cert.write_text("cert")
    cert.chmod(0o600)
    result = sekishod("--dial-listen=0.0.0.0:8080", "--dial-allow=192.0.2.0/24", "--agi-listen=[::]:4573",
                      "--agi-allow=192.0.2.0/24", "--admin-listen=0.0.0.0:8443", "--tls-cert", cert,
                      "--tls-key", cert, "--check-config")
    assert (result.returncode, result.stderr) == (0, "")


# --- what only the start can tell ---------------------------------------------------------------------


def fails_to_start(tmp_path, *options):
    given = {option.split("=")[0] for option in map(str, options)}
    command = [f"{name}={value}" for name, value in
               (("--state", tmp_path / "state"), ("--dial-listen", "127.0.0.1:0"),
                ("--admin-listen", "127.0.0.1:0"), ("--agi-listen", "127.0.0.1:0")) if name not in given]
    result = sekishod(*command, *options)
    assert result.returncode not in (0, None) and result.returncode > 0, result
    return result.stderr


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for door in ("dial", "admin", "agi"):
            text = fails_to_start(tmp_path, f"--{door}-listen={address}")
            assert f"sekishod: {door}-listen: {address}: Address already in use\n" in text, text


def test_a_store_that_is_no_store_is_left_alone(tmp_path):
    path = tmp_path / "not-a-store"
    path.write_text("these are somebody's notes, not a database\n" * 100)
    before = path.read_bytes()
    assert str(path) in fails_to_start(tmp_path, f"--store=sqlite:{path}")
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert str(file) in fails_to_start(tmp_path, f"--state={file}/state")


def test_keys_that_others_can_read_are_refused(tmp_path, start_daemon):
    running = start_daemon()
    running.stop()
    key = next(running.keys.iterdir())
    key.chmod(0o644)
    text = fails_to_start(tmp_path, f"--keys={running.keys}")
    assert key.name in text
    assert key.name in refused(f"--keys={running.keys}", f"--state={tmp_path}", "--check-config")
    key.chmod(0o400)
    start_daemon(f"--keys={running.keys}")


def test_numbering_that_is_broken_is_named(tmp_path):
    folder = tmp_path / "numbering"
    folder.mkdir()
    assert "about.csv" in fails_to_start(tmp_path, f"--numbering={folder}")
    assert "about.csv" in refused(f"--numbering={folder}", f"--state={tmp_path}", "--check-config")
