"""The files of docker/ fit together and fit the programs: what compose mounts is there, addresses in
configuration files are those of services, options are options, and the image has the libraries that the
programs load."""
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
CONFIGURED = ("node.conf", "sentinel.conf", "haproxy.cfg", "setup")  # with addresses of services in them
SUBNET = "10.99.0."


def check_mounts(name, compose):
    for service, told in compose["services"].items():
        for volume in told.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not (DOCKER / source).exists():
                yield f"{name}: {service} mounts {source}, which is not there"
            if not source.startswith(".") and source not in compose.get("volumes", {}):
                yield f"{name}: {service} mounts the volume {source}, which is not declared"
        for other in told.get("depends_on", {}):
            if other not in compose["services"]:
                yield f"{name}: {service} depends on {other}, which is not there"


def check_addresses(compose):
    addresses = {service: told["networks"]["default"]["ipv4_address"]
                 for service, told in compose["services"].items() if "networks" in told}
    if len(set(addresses.values())) != len(addresses):
        yield "compose.scale.yaml: two services have the same address"
    for name in CONFIGURED:
        text = (DOCKER / name).read_text()
        for address in sorted(set(re.findall(rf"{re.escape(SUBNET)}\d+(?![\d/])", text)) - set(addresses.values())):
            yield f"{name}: {address} is no service's"
        for service, address in re.findall(r"server (node\d+) ([\d.]+):", text):
            if addresses.get(service) != address:
                yield f"{name}: {service} is at {addresses.get(service)}, not {address}"


def check_certificate(compose):
    """Clients check the name that they asked: of the proxy, and of each node."""
    names = re.search(r"^names=(\S+)", (DOCKER / "setup").read_text(), re.M)[1].split(",")
    for service, told in compose["services"].items():
        if re.fullmatch(r"proxy|node\d+", service):
            address = told["networks"]["default"]["ipv4_address"]
            if f"IP:{address}" not in names:
                yield f"setup: the certificate is not for {service} at {address}"


def check_proxy(compose):
    """Every node, in each backend, and asked whether it is ready."""
    nodes = {service for service in compose["services"] if re.fullmatch(r"node\d+", service)}
    for backend in re.split(r"^backend ", (DOCKER / "haproxy.cfg").read_text(), flags=re.M)[1:]:
        name = backend.split()[0]
        asked = "/livez" if name == "admin_alive" else "/readyz"
        if f"uri {asked} " not in backend or "option httpchk" not in backend:
            yield f"haproxy.cfg: backend {name} does not ask {asked}"
        if set(re.findall(r"^ +server (\S+)", backend, re.M)) != nodes:
            yield f"haproxy.cfg: backend {name} has other nodes than compose.scale.yaml"


def check_image():
    stage = (DOCKER / "Dockerfile").read_text().split("FROM ")[2]
    user = re.search(r"^USER (\S+)", stage, re.M)
    if not user or user[1] in ("root", "0"):
        yield "Dockerfile: the programs run as root"
    if "\nHEALTHCHECK " not in stage:
        yield "Dockerfile: no health check"


def check_node():
    known = set(re.findall(r'^ +\{"([a-z-]+)", OPTION_', (ROOT / "service/config.c").read_text(), re.M))
    for key in re.findall(r"^([a-z-]+) = ", (DOCKER / "node.conf").read_text(), re.M):
        if key not in known:
            yield f"node.conf: {key} is no option of sekishod"


def wanted_packages():
    """Of Debian 12, which the image is; None where this is not one, or nothing has been built."""
    programs = [ROOT / "build/sekishod", ROOT / "build/sekisho"]
    version = Path("/etc/debian_version")
    if not version.exists() or not version.read_text().startswith("12") or not all(map(Path.exists, programs)):
        return None
    read = subprocess.run(["objdump", "-p", *programs], capture_output=True, text=True, check=True).stdout
    libraries = set(re.findall(r"NEEDED +(\S+)", read))
    owned = subprocess.run(["dpkg-query", "-S", *(f"*/{library}" for library in libraries)],
                           capture_output=True, text=True).stdout
    return {line.split(":")[0] for line in owned.splitlines()} - {"libc6", "libc6-i386"}


def check_libraries():
    stage = (DOCKER / "Dockerfile").read_text().split("FROM ")[2]
    listed = set(re.findall(r"\blib[a-z0-9.+-]+", stage.split("rm -rf")[0]))
    wanted = wanted_packages()
    for package in sorted((wanted or listed) - listed):
        yield f"Dockerfile: the programs load {package}, which the image has not"
    for package in sorted(listed - (wanted or listed)):
        yield f"Dockerfile: the image has {package}, which no program loads"


def check_schema(name):
    """By docker-compose, where it is installed; the old one of Debian 12 knows no project name."""
    if not which("docker-compose"):
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=DOCKER) as copy:
        copy.write(re.sub(r"^name:.*\n", "", (DOCKER / name).read_text(), flags=re.M))
        copy.flush()
        said = subprocess.run(["docker-compose", "-f", copy.name, "config", "-q"], capture_output=True, text=True)
    if said.returncode:
        yield f"{name}: {said.stderr.strip()}"


def main():
    faults = [*check_node(), *check_libraries(), *check_image()]
    for name in ("compose.yaml", "compose.scale.yaml"):
        compose = yaml.safe_load((DOCKER / name).read_text())
        faults += [*check_mounts(name, compose), *check_schema(name)]
    faults += [*check_addresses(compose), *check_certificate(compose), *check_proxy(compose)]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"docker: {len(compose['services'])} services compared with their files, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
