"""What goes wrong, one class a kind. `strike` does it, `heal` takes it back; the world is whole before and after.

`pause` is what its pause is compared with: "pair" (a pair remains), "last" (the next view is solo, or the store must
elect first), "planned", "none" (nothing is to change for clients), "all" (no node is left). `changes`: another view is to come of it
before it is healed; `heals`: what the pause while it is healed is compared with.
"""
import time

from world import CONTROLS, ETCDS, NODES, ROOMS


class Fault:
    pause, heals = "pair", "planned"
    changes = True
    hold = 0.0  # how long it lasts at least

    def __init__(self, world, view, random):
        self.world, self.random = world, random
        self.primary, self.backup = view["primary"], view["backup"]
        self.learner = next(node for node in NODES if node not in (self.primary, self.backup))

    def strike(self):
        raise NotImplementedError

    def heal(self):
        self.world.mend()
        self.world.start_dead()


class KillPrimary(Fault):
    """kill -9 of the primary"""

    def strike(self):
        self.world.kill(self.primary)


class KillBackup(Fault):
    """kill -9 of the backup"""

    def strike(self):
        self.world.kill(self.backup)


class KillLearner(Fault):
    """kill -9 of the learner"""
    pause, changes, hold = "none", False, 1.0

    def strike(self):
        self.world.kill(self.learner)


class StopPrimary(Fault):
    """the primary's process stands still for 3 s (SIGSTOP)"""
    hold = 3.0

    def strike(self):
        self.world.stop(self.primary)

    def heal(self):
        self.world.go_on(self.primary)


class StopBackup(Fault):
    """the backup's process stands still for 3 s (SIGSTOP)"""
    hold = 3.0

    def strike(self):
        self.world.stop(self.backup)

    def heal(self):
        self.world.go_on(self.backup)


class CutPair(Fault):
    """the link between primary and backup is cut"""

    def strike(self):
        self.world.cut_both([(self.primary, self.backup)])


class CutPairOneWay(Fault):
    """the link between primary and backup is cut, one way"""

    def strike(self):
        ends = [self.primary, self.backup]
        self.random.shuffle(ends)
        self.world.cut([tuple(ends)])


class LoseBackupRoom(Fault):
    """the backup room is lost"""
    room = "backup"
    hold = 1.0

    # First silence, then death: nobody is told by a connection that closes.
    def strike(self):
        self.world.cut_room(self.room)
        self.world.kill(*self.world.in_room(self.room))


class LoseMainRoom(LoseBackupRoom):
    """the main room is lost"""
    pause, room = "last", "main"


class CutRooms(Fault):
    """the link between the rooms is cut"""
    pause, hold = "last", 1.0  # whoever is elected knows one room only

    def strike(self):
        hosts = list(self.world.processes)
        self.world.cut_both([(a, b) for a in hosts for b in hosts if ROOMS[a] == "main" and ROOMS[b] == "backup"])


class LoseEtcdMember(Fault):
    """one member of etcd is lost"""
    pause, changes, hold = "none", False, 1.5

    def strike(self):
        self.world.kill(self.random.choice(ETCDS))


class StopEtcd(Fault):
    """two of three members of etcd stand still for 5 s (SIGSTOP)"""
    pause, changes, hold = "none", False, 5.0

    def strike(self):
        self.stopped = self.random.sample(ETCDS, 2)
        self.world.stop(*self.stopped)

    def heal(self):
        self.world.go_on(*self.stopped)


class KillControls(Fault):
    """both control modules are killed, one after the other"""
    pause, changes, hold = "none", False, 1.0

    def strike(self):
        for control in self.random.sample(CONTROLS, 2):
            self.world.kill(control)
            time.sleep(0.5)


class KillPrimaryAndElected(Fault):
    """the elected control module is killed, and then the primary"""
    pause = "last"

    def strike(self):
        elected = [control for control in CONTROLS if self.world.is_elected(control)]
        self.world.kill(*elected)
        self.world.kill(self.primary)


class Move(Fault):
    """an operator moves the primary"""
    pause = "planned"

    def strike(self):
        # The only other pair across the rooms: (A, B) or (B, C).
        self.world.move("B" if self.primary == "A" else "A")


class EmptyPrimary(Fault):
    """the primary is killed, and its data directory emptied"""

    def strike(self):
        self.world.kill(self.primary)
        self.world.empty(self.primary)


class KillAll(Fault):
    """kill -9 of all nodes at once"""
    pause, heals, changes = "all", "all", False

    def strike(self):
        self.world.kill(*NODES)


KINDS = {
    "kill-primary": KillPrimary, "kill-backup": KillBackup, "stop-primary": StopPrimary, "cut-pair": CutPair,
    "cut-pair-one-way": CutPairOneWay, "lose-backup-room": LoseBackupRoom, "lose-main-room": LoseMainRoom,
    "cut-rooms": CutRooms, "lose-etcd-member": LoseEtcdMember, "stop-etcd": StopEtcd, "kill-controls": KillControls,
    "move": Move, "empty-primary": EmptyPrimary, "kill-learner": KillLearner, "stop-backup": StopBackup,
    "kill-primary-and-elected": KillPrimaryAndElected, "kill-all": KillAll,
}
