package torc.clients;

import java.util.List;
import java.util.concurrent.TimeUnit;
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
  /** An application is told by a held request that ends, and fetches the news with another. */
  private static final long TOLD_WITHIN = TimeUnit.MILLISECONDS.toNanos(200);

  /** When the primary was lost, and when clients were told of the next. */
  private record Fault(long at, long announced) {}

  private final List<Bank> banks;
  private final Ring ring;
  private final Discovery discovery;

  RingCases(List<Bank> banks, Ring ring, Discovery discovery) {
    this.banks = banks;
    this.ring = ring;
    this.discovery = discovery;
  }

  void run(Cases cases) {
    String on = "ring, " + discovery + ": ";
    cases.run(on + "the primary moves by plan", this::plannedMoves);
    cases.run(on + "the link between the rooms is cut and healed", this::roomsCut);
    cases.run(on + "the primary is killed and restarted", this::primaryKilled);
  }

  private void plannedMoves() throws Exception {
    ring.awaitSettled();
    Load load = new Load(banks.get(0), banks.get(1));
    for (String node : List.of("B", "C", "A", "B", "A")) {
      Thread.sleep(700);
      if (!ring.view().primary().equals(node)) {
        log.info("moved: {}", ring.move(node));
      }
    }
    Thread.sleep(700);
    List<Load.Attempt> attempts = load.stop();
    report(attempts, load.wrongs(), null);
  }

  private void roomsCut() throws Exception {
    ring.lead("A");
    Load load = new Load(banks.get(0), banks.get(1));
    Thread.sleep(1_000);
    long before = ring.view().number();
    long at = System.nanoTime();
    ring.cutRooms();
    Fault fault = announced(at, "A");
    log.info("cut: {}", ring.awaitServingAfter(before));
    Thread.sleep(2_000);
    ring.healRooms();
    ring.awaitSettled();
    log.info("healed: {}", ring.view());
    Thread.sleep(1_000);
    List<Load.Attempt> attempts = load.stop();
    report(attempts, load.wrongs(), fault);
  }

  private void primaryKilled() throws Exception {
    ring.lead("A");
    Load load = new Load(banks.get(1), banks.get(0));
    Thread.sleep(1_000);
    long before = ring.view().number();
    long at = System.nanoTime();
    ring.kill("A");
    Fault fault = announced(at, "A");
    log.info("killed: {}", ring.awaitServingAfter(before));
    Thread.sleep(3_000);
    ring.restart("A");
    ring.awaitSettled();
    log.info("restarted: {}", ring.view());
    Thread.sleep(1_000);
    List<Load.Attempt> attempts = load.stop();
    report(attempts, load.wrongs(), fault);
  }

  private Fault announced(long at, String lost) throws Exception {
    return new Fault(at, discovery == Discovery.RAFT ? ring.awaitAnnouncedOtherThan(lost) : Long.MAX_VALUE);
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

  /** The longest time in seconds during which no transaction ended well. */
  private static double pause(List<Load.Attempt> attempts) {
    long[] ends = attempts.stream().filter(attempt -> attempt.error == null).mapToLong(a -> a.ended).sorted().toArray();
    long longest = 0;
    for (int i = 1; i < ends.length; i++) {
      longest = Math.max(longest, ends[i] - ends[i - 1]);
    }
    return longest / 1e9;
  }
}
