"""docker/setup: passwords and files for a cluster, all of them or none."""
import os
import re
import shutil
import subprocess

import pytest

from daemon import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
CALLS = 11  # of openssl: seven passwords, three hashes, a certificate


def run_setup(out, path=None):
    return subprocess.run(["sh", ROOT / "docker/setup", out], capture_output=True, text=True, timeout=60,
                          env=os.environ | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {}))


def check(out):
    conf = (out / "node/node.conf").read_text()
    assert re.search(r"^store = postgres://sekisho:[0-9a-f]{48}@", conf, re.M), conf
    assert re.search(r"^redis = redis\+sentinel://sekisho:[0-9a-f]{48}@", conf, re.M), conf
    assert re.fullmatch(r"postgres://sekisho_owner:[0-9a-f]{48}@\S+\n", (out / "node/owner.url").read_text())
    for name in ("superuser", "owner", "service", "replica"):
        assert re.fullmatch("[0-9a-f]{48}\n?", (out / f"postgres/{name}.password").read_text()), name
    assert len(re.findall(r"^user \w+ on #[0-9a-f]{64} ", (out / "redis/users.acl").read_text(), re.M)) == 3
    assert "BEGIN CERTIFICATE" in (out / "proxy/admin.pem").read_text()


def failing_openssl(folder, at):
    """One that fails when it is called for the `at`-th time."""
    (folder / "count").write_text("0")
    program = folder / "openssl"
    program.write_text(f"#!/bin/sh\n"
                       f"n=$(($(cat {folder}/count) + 1))\necho $n >{folder}/count\n[ $n != {at} ] || exit 1\n"
                       f'exec {shutil.which("openssl")} "$@"\n')
    program.chmod(0o755)


def test_it_is_done_once(tmp_path):
    assert run_setup(tmp_path / "out").returncode == 0
    check(tmp_path / "out")
    before = (tmp_path / "out/node/node.conf").read_text()
    assert run_setup(tmp_path / "out").returncode == 0
    assert (tmp_path / "out/node/node.conf").read_text() == before


def test_no_password_stays_empty(tmp_path):
    (tmp_path / "bin").mkdir()
    for at in range(1, CALLS + 1):
        out = tmp_path / f"out{at}"
        failing_openssl(tmp_path / "bin", at)
        assert run_setup(out, tmp_path / "bin").returncode != 0, f"without call {at}"
        assert not (out / "node/node.conf").exists(), "what runs would be started with it"
        assert run_setup(out).returncode == 0
        check(out)
