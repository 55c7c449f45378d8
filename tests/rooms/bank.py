"""The bank's side: torc-rooms-bank on the client's host, asked over a pipe."""
import json
import select
import subprocess

from world import CLIENT_PORT, NODES, Process, address


class Bank:
    def __init__(self, world, at_once, seed):
        words = [world.binaries / "torc-rooms-bank", "--data", world.directory, "--at-once", at_once, "--seed", seed]
        for node in NODES:
            words += ["--node", f"{address(node)}:{CLIENT_PORT}"]
        self.process = Process("bank", "client", words, world.directory / "bank.trace", subprocess.PIPE, subprocess.PIPE)
        self.process.start()
        self.answer(30)

    def ask(self, word, seconds):
        self.process.running.stdin.write(word.encode() + b"\n")
        self.process.running.stdin.flush()
        return self.answer(seconds)

    def answer(self, seconds):
        out = self.process.running.stdout
        if not select.select([out], [], [], seconds)[0]:
            raise TimeoutError(f"the bank says nothing for {seconds} s")
        line = out.readline()
        if not line:
            raise RuntimeError(f"the bank has ended with {self.process.running.wait()}")
        return json.loads(line)

    def look(self):
        return self.ask("look", 5)

    def audit(self):
        return self.ask("audit", 45)

    def finish(self):
        """An audit after which there are no more transfers."""
        return self.ask("finish", 45)

    def end(self):
        self.process.kill()
