package torc.clients;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The application works on while the ring's primary moves, is killed, or is cut off from the other room. What the
 * application may notice of it depends on how it finds the primary; what it must never notice does not: an answer taken
 * back, a transaction rolled back that it wanted committed, an error while the ring moves by plan or, in raft mode, once
 * the new primary is announced.
 */
final class RingCases {
  private static final Logger log = LoggerFactory.getLogger(RingCases.class);
  private static final String MOVES = "the primary moves by plan";
  private static final String CUT = "the link between the rooms is cut and healed";
  private static final String KILL = "the primary is killed and restarted";

  /** An application is told by a held request that ends, and fetches the news with another. */
  private static final long TOLD_WITHIN = TimeUnit.MILLISECONDS.toNanos(200);

  /** Transactions, between one trouble and the next. */
  private static final int ENOUGH = 30;
  /** Below the time that a node holds what it cannot forward. */
  private static final long CUT_MS = 2_000;
  private static final long DEAD_MS = 3_000;

  /** When the primary was lost, and when clients were told of the next. */
  private record Fault(long at, long announced) {}

  private interface Trouble {
    /** @return the fault that it made, or null if it was none */
    Fault make(Load load) throws Exception;
  }

  private final List<Bank> banks;
  private final Ring ring;
  private final Discovery discovery;

  RingCases(List<Bank> banks, Ring ring, Discovery discovery) {
    this.banks = banks;
    this.ring = ring;
    this.discovery = discovery;
  }

  /** Whether any is asked for: a ring is not started for nothing. */
  static boolean wanted(Cases cases, Discovery discovery) {
    return Stream.of(MOVES, CUT, KILL).anyMatch(what -> cases.wants(name(discovery, what)));
  }

  void run(Cases cases) {
    cases.run(name(discovery, MOVES), this::plannedMoves);
    cases.run(name(discovery, CUT), this::roomsCut);
    cases.run(name(discovery, KILL), this::primaryKilled);
  }

  private static String name(Discovery discovery, String what) {
    return "ring, " + discovery + " mode: " + what;
  }

  private void plannedMoves() throws Exception {
    ring.lead("A");
    underLoad(load -> {
      for (String node : List.of("B", "C", "A")) {
        ring.move(node);
        load.awaitMore(ENOUGH);
        ring.awaitSettled();
      }
      return null;
    });
  }

  private void roomsCut() throws Exception {
    ring.lead("A");
    underLoad(load -> {
      long at = System.nanoTime();
      ring.cutRooms();
      Fault fault = announced(at, "A");
      Thread.sleep(CUT_MS);
      ring.healRooms();
      ring.awaitSettled();
      return fault;
    });
  }

  private void primaryKilled() throws Exception {
    ring.lead("A");
    underLoad(load -> {
      long at = System.nanoTime();
      ring.kill("A");
      Fault fault = announced(at, "A");
      Thread.sleep(DEAD_MS);
      ring.restart("A");
      ring.awaitSettled();
      return fault;
    });
  }

  private void underLoad(Trouble trouble) throws Exception {
    Load load = new Load(banks.get(0), banks.get(1));
    Fault fault;
    List<Load.Attempt> attempts;
    try {
      load.awaitMore(ENOUGH);
      fault = trouble.make(load);
      load.awaitMore(ENOUGH);
    } finally {
      attempts = load.stop();
    }
    report(attempts, load.wrongs(), fault);
  }

  /** Returns when another leads; clients in list mode are told of no announcement. */
  private Fault announced(long at, String lost) throws Exception {
    long announced = discovery == Discovery.RAFT ? ring.awaitAnnouncedOtherThan(lost) : Long.MAX_VALUE;
    log.info("instead of {}: {}", lost, ring.awaitServingOtherThan(lost));
    return new Fault(at, announced);
  }

  /** Prints what the application has noticed, and fails where it must not have noticed anything. */
  private void report(List<Load.Attempt> attempts, List<String> wrongs, Fault fault) {
    List<Load.Attempt> failed = attempts.stream().filter(attempt -> attempt.error != null).toList();
    System.out.printf("        %d transactions, longest pause %.2f s, errors: %d", attempts.size(), pause(attempts),
        failed.size());
    long excused = 0;
    if (fault != null && discovery == Discovery.RAFT) {
      long inFlight = startedWithin(failed, Long.MIN_VALUE, fault.at);
      long before = startedWithin(failed, fault.at, fault.announced + TOLD_WITHIN);
      excused = inFlight + before;
      System.out.printf(" (%d in flight, %d begun before the announcement, which came after %.2f s, %d after it)",
          inFlight, before, (fault.announced - fault.at) / 1e9, failed.size() - excused);
    } else if (fault != null) {
      excused = failed.size();
    }
    System.out.println();
    if (!wrongs.isEmpty()) {
      throw new AssertionError(wrongs.size() + " transactions went wrong:\n        " + String.join("\n        ", wrongs));
    }
    Expect.equal("errors that no fault excuses", 0L, failed.size() - excused);
  }

  private static long startedWithin(List<Load.Attempt> attempts, long from, long to) {
    return attempts.stream().filter(attempt -> attempt.started >= from && attempt.started < to).count();
  }

  /** The longest time in seconds during which no transaction ended well, though some were begun. */
  private static double pause(List<Load.Attempt> attempts) {
    long lastBegun = attempts.stream().mapToLong(attempt -> attempt.started).max().orElse(0);
    long[] ends = attempts.stream().filter(attempt -> attempt.error == null).mapToLong(attempt -> attempt.ended)
        .filter(end -> end <= lastBegun).sorted().toArray();
    long longest = 0;
    for (int i = 1; i < ends.length; i++) {
      longest = Math.max(longest, ends[i] - ends[i - 1]);
    }
    return longest / 1e9;
  }
}
