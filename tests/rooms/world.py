"""Two rooms and a third place, each host a network namespace: the hosts, the links between them, the processes on them.

    main: A, C, etcd1, control1    backup: B, etcd2, control2    third: etcd3, client

All of it lives inside namespaces of this run alone (network, mounts, processes; see `run`), so it ends with the run,
however that ends. This process is in the middle: every host has one link, to here, and packets from host to host are
forwarded here. A cut is a routing rule here that drops what one host sends to another, without a word to either.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

ROOMS = {"A": "main", "B": "backup", "C": "main", "etcd1": "main", "etcd2": "backup", "etcd3": "third",
         "control1": "main", "control2": "backup", "client": "third"}
HOSTS = list(ROOMS)
NODES = ["A", "B", "C"]
ETCDS = ["etcd1", "etcd2", "etcd3"]
CONTROLS = ["control1", "control2"]
CLIENT_PORT, PEER_PORT, NODE_HTTP, CONTROL_HTTP, ETCD_CLIENTS, ETCD_PEERS = 8091, 8092, 7091, 7092, 2379, 2380


def address(host):
    return f"10.99.{HOSTS.index(host) + 1}.2"


def ip(*lines):
    """Many `ip` commands at once: a room is cut in a few milliseconds."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True, stdout=subprocess.DEVNULL)


def get(host, port, path, method="GET", timeout=0.5):
    """Status and body. OSError and http.client.HTTPException if there is no answer."""
    connection = http.client.HTTPConnection(address(host), port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Process:
    """A program on a host. `up` is what the test wants of it; one that ends by itself is found by `ended_by_itself`."""

    def __init__(self, name, host, words, trace, stdin=None, stdout=None):
        self.name, self.host, self.words, self.trace = name, host, [str(word) for word in words], trace
        self.stdin, self.stdout = stdin, stdout
        self.running = None
        self.up = False

    def start(self):
        with open(self.trace, "ab") as trace:
            self.running = subprocess.Popen(["ip", "netns", "exec", self.host, *self.words], stderr=trace,
                                            stdin=self.stdin or subprocess.DEVNULL, stdout=self.stdout or trace)
        self.up = True

    def signal(self, number):
        self.running.send_signal(number)

    def kill(self):
        self.up = False
        if self.running is None:
            return
        self.running.kill()
        self.running.wait()

    def ended_by_itself(self):
        return self.up and self.running.poll() is not None


class World:
    def __init__(self, binaries, directory, trace_level):
        self.binaries, self.directory = binaries, pathlib.Path(directory)
        self.processes = {}
        self.cuts = set()
        self.trace_level = trace_level

    # -- hosts and links

    def make_hosts(self):
        # `ip netns` keeps its names in a directory that all of the machine shares; this run gets its own.
        os.makedirs("/run/netns", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "rooms", "/run/netns"], check=True)
        ip("link set lo up", *(f"netns add {host}" for host in HOSTS))
        for number, host in enumerate(HOSTS, 1):
            ip(f"link add to{number} type veth peer name eth0 netns {host}",
               f"address add 10.99.{number}.1/24 dev to{number}", f"link set to{number} up")
            subprocess.run(["ip", "-n", host, "-batch", "-"], check=True, text=True,
                           input=f"link set lo up\naddress add {address(host)}/24 dev eth0\nlink set eth0 up\n"
                                 f"route add default via 10.99.{number}.1\n")
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def cut(self, pairs):
        """Pairs (from, to), each one way."""
        new = [pair for pair in pairs if pair not in self.cuts]
        self.cuts.update(new)
        ip(*(f"rule add from {address(a)} to {address(b)} blackhole" for a, b in new))

    def cut_both(self, pairs):
        self.cut([pair for a, b in pairs for pair in ((a, b), (b, a))])

    def cut_room(self, room):
        """From everybody outside."""
        self.cut_both([(a, b) for a in HOSTS for b in HOSTS if ROOMS[a] == room and ROOMS[b] != room])

    def mend(self):
        if self.cuts:
            ip(*(f"rule del from {address(a)} to {address(b)} blackhole" for a, b in self.cuts))
        self.cuts.clear()

    # -- processes

    def configure(self):
        """One file for the whole ring but for what a node says of itself."""
        stores = ", ".join(f'"{address(etcd)}:{ETCD_CLIENTS}"' for etcd in ETCDS)
        cluster = f'[cluster]\nname = "rooms"\nsecret = "a secret of sixteen"\nstore = [{stores}]\n'
        for node in NODES:
            cluster += (f'[[cluster.node]]\nname = "{node}"\nroom = "{ROOMS[node]}"\npeer = "{address(node)}:{PEER_PORT}"\n'
                        f'clients = "{address(node)}:{CLIENT_PORT}"\nhttp = "{address(node)}:{NODE_HTTP}"\n')
        for node in NODES:
            (self.directory / f"{node}.toml").write_text(
                f'[node]\nname = "{node}"\ndata = "{self.data(node)}"\nlisten = "{address(node)}:{CLIENT_PORT}"\n'
                f'http = "{address(node)}:{NODE_HTTP}"\ntrace = "{self.trace_level}"\n{cluster}')
            self.add(node, [self.binaries / "torcd", "--config", self.directory / f"{node}.toml"])
        for control in CONTROLS:
            # Faults follow each other here within seconds; S3's longer wait for what fails again is the unit tests' part.
            (self.directory / f"{control}.toml").write_text(
                f'[control]\nname = "{control}"\nhttp = "{address(control)}:{CONTROL_HTTP}"\nflap_window_ms = 1000\n'
                f'trace = "{self.trace_level}"\n{cluster}')
            self.add(control, [self.binaries / "torc-control", "--config", self.directory / f"{control}.toml"])
        members = ",".join(f"{etcd}=http://{address(etcd)}:{ETCD_PEERS}" for etcd in ETCDS)
        for etcd in ETCDS:
            clients, peers = f"http://{address(etcd)}:{ETCD_CLIENTS}", f"http://{address(etcd)}:{ETCD_PEERS}"
            self.add(etcd, ["etcd", "--name", etcd, "--data-dir", self.data(etcd), "--initial-cluster", members,
                            "--listen-client-urls", clients, "--advertise-client-urls", clients,
                            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
                            "--heartbeat-interval", "50", "--election-timeout", "500"])

    def add(self, host, words):
        self.processes[host] = Process(host, host, words, self.directory / f"{host}.trace")

    def data(self, host):
        return self.directory / host

    def start(self, *hosts):
        for host in hosts:
            self.processes[host].start()

    def kill(self, *hosts):
        for host in hosts:
            self.processes[host].kill()

    def stop(self, *hosts):
        for host in hosts:
            self.processes[host].signal(signal.SIGSTOP)

    def go_on(self, *hosts):
        for host in hosts:
            self.processes[host].signal(signal.SIGCONT)

    def start_dead(self):
        self.start(*(host for host, process in self.processes.items() if not process.up))

    def empty(self, host):
        shutil.rmtree(self.data(host))

    def in_room(self, room):
        return [host for host in self.processes if ROOMS[host] == room]

    def ended_by_themselves(self):
        return [f"{p.name} ended by itself with {p.running.returncode}" for p in self.processes.values()
                if p.ended_by_itself()]

    def end(self):
        for process in self.processes.values():
            process.kill()

    # -- what the ring says of itself

    def view(self):
        """The newest that any control module knows; an empty one if none answers."""
        best = {}
        for control in CONTROLS:
            if not self.processes[control].up:
                continue
            try:
                status, body = get(control, CONTROL_HTTP, "/v1/ring")
            except (OSError, http.client.HTTPException):
                continue
            view = json.loads(body)
            rank = (int(view.get("view", 0)), view.get("state") == "serving", view.get("elected", False))
            if not best or rank > best["rank"]:
                best = dict(view, rank=rank)
        return best

    def wait_view(self, wanted, seconds, what):
        """Until `wanted(view)` holds."""
        until = time.monotonic() + seconds
        while True:
            view = self.view()
            if view and wanted(view):
                return view
            if time.monotonic() > until:
                raise TimeoutError(f"{what}: not within {seconds} s; the ring is {brief(view)}")
            time.sleep(0.05)

    def is_elected(self, control):
        try:
            return json.loads(get(control, CONTROL_HTTP, "/v1/ring")[1])["elected"]
        except (OSError, http.client.HTTPException):
            return False

    def move(self, node):
        """As an operator would; only the elected control module takes it."""
        for control in CONTROLS:
            status, body = get(control, CONTROL_HTTP, f"/v1/ring/move?node={node}", "POST")
            if status == 202:
                return
        raise RuntimeError(f"no control module moves the primary: {body}")

    def open_transactions(self):
        view = self.view()
        status, body = get(view["primary"], NODE_HTTP, "/v1/transactions")
        if status != 200:
            raise RuntimeError(f"{view['primary']} does not show its transactions: {body}")
        return json.loads(body)


def brief(view):
    if not view.get("view"):
        return "unknown"
    nodes = ", ".join(f"{n['node']} {n.get('role', '?')} {n.get('role_view', '')} heard {n.get('heard_ms_ago', '?')} ms ago,"
                      f" behind {n.get('behind_ms', '?')}" for n in view["nodes"])
    return f"view {view['view']} ({view['primary']}, {view.get('backup', 'solo')}) {view['state']}; {nodes}"


def serves(view):
    return view.get("state") == "serving"


def is_whole(view):
    """Across the two rooms, with everybody up, linked and caught up, and a control module elected: as good as it gets."""
    if not serves(view) or not view["elected"] or not view.get("backup") or ROOMS[view["primary"]] == ROOMS[view["backup"]]:
        return False
    for node in view["nodes"]:
        if node.get("heard_ms_ago", 10_000) > 400 or node["role"] not in ("primary", "backup", "learner"):
            return False
        if node.get("behind_ms", 10_000) > 500 or not node["writable"]:
            return False
        if sum(link["heard_ms_ago"] < 400 for link in node["links"]) != len(NODES) - 1:
            return False
    return True
