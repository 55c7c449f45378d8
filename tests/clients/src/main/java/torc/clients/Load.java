package torc.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.seata.core.model.GlobalStatus;
import org.apache.seata.tm.api.GlobalTransaction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Some threads that open one global transaction after the other, while the coordinator has its troubles. Each pays 1
 * into an account of its own in either bank, by TCC into one and by AT into the other; every tenth is then rolled back
 * by the application. So the two balances of a transaction tell how it ended, and what the application asked for and
 * was answered tells how it should have.
 */
final class Load {
  private static final Logger log = LoggerFactory.getLogger(Load.class);
  private static final int THREADS = 6;
  private static final long PAUSE_MS = 30;
  private static final Duration STUCK_LIMIT = Duration.ofSeconds(75);
  private static final Set<GlobalStatus> COMMITTED = Set.of(GlobalStatus.Committed, GlobalStatus.Committing,
      GlobalStatus.CommitRetrying, GlobalStatus.AsyncCommitting);
  private static final Set<GlobalStatus> ROLLED_BACK = Set.of(GlobalStatus.Rollbacked, GlobalStatus.Rollbacking,
      GlobalStatus.RollbackRetrying);

  /** What the application asked to happen to a transaction in the end. */
  enum Asked {
    /** It has no transaction: begin failed. */
    NOTHING, COMMIT, ROLLBACK
  }

  /** One transaction as the application saw it. Times are of {@link System#nanoTime}. */
  static final class Attempt {
    final int tccAccount;
    final int atAccount;
    final long started = System.nanoTime();
    long ended;
    String xid = "(none)";
    Asked asked = Asked.NOTHING;
    /** What the coordinator said to that; null if the call failed. */
    GlobalStatus answer;
    /** The first call that failed, if any did. */
    Throwable error;

    Attempt(int tccAccount, int atAccount) {
      this.tccAccount = tccAccount;
      this.atAccount = atAccount;
    }

    @Override
    public String toString() {
      return xid + " (accounts " + tccAccount + " and " + atAccount + ", asked " + asked + ", answered " + answer + ", error " + error + ")";
    }
  }

  private final Bank tcc;
  private final Bank at;
  private final ConcurrentLinkedQueue<Attempt> attempts = new ConcurrentLinkedQueue<>();
  private final AtomicInteger begun = new AtomicInteger();
  private final List<CompletableFuture<Void>> threads = new ArrayList<>();
  private volatile boolean stopping;

  Load(Bank tcc, Bank at) {
    this.tcc = tcc;
    this.at = at;
    Reservation.workOn(tcc);
    for (int i = 0; i < THREADS; i++) {
      threads.add(Async.run(() -> {
        while (!stopping) {
          attempts.add(attempt());
          Thread.sleep(PAUSE_MS);
        }
      }));
    }
  }

  /** Returns when that many more transactions have ended: on a busy machine time alone tells nothing. */
  void awaitMore(int count) throws Exception {
    int before = attempts.size();
    Expect.within(STUCK_LIMIT, count + " more transactions", true, () -> attempts.size() >= before + count);
  }

  /** Returns when every thread has its last answer; calls that a crash cut off take their time. */
  List<Attempt> stop() throws Exception {
    stopping = true;
    for (CompletableFuture<Void> thread : threads) {
      thread.get(STUCK_LIMIT.toSeconds(), TimeUnit.SECONDS);
    }
    return List.copyOf(attempts);
  }

  private Attempt attempt() throws Exception {
    Attempt attempt = new Attempt(tcc.open(0), at.open(0));
    boolean commits = begun.incrementAndGet() % 10 != 0;
    try {
      GlobalTransaction transaction = Transactions.begin("load");
      attempt.xid = transaction.getXid();
      try {
        Transactions.in(transaction, () -> {
          tcc.deposit(Mode.TCC, attempt.tccAccount, 1);
          at.deposit(Mode.AT, attempt.atAccount, 1);
        });
        attempt.asked = commits ? Asked.COMMIT : Asked.ROLLBACK;
      } catch (Throwable t) {
        attempt.error = t;
        attempt.asked = Asked.ROLLBACK;
      }
      if (attempt.asked == Asked.COMMIT) {
        transaction.commit();
      } else {
        transaction.rollback();
      }
      attempt.answer = transaction.getLocalStatus();
    } catch (Throwable t) {
      attempt.error = attempt.error == null ? t : attempt.error;
    }
    attempt.ended = System.nanoTime();
    if (attempt.error != null) {
      log.warn("failed in the application's eyes: {}", attempt, attempt.error);
    }
    return attempt;
  }

  /**
   * Waits until phase two is over everywhere, and compares the banks with what the application knows.
   *
   * @return what no fault excuses, one line each
   */
  List<String> wrongs() throws Exception {
    for (Bank bank : List.of(tcc, at)) {
      Expect.within(Bank.END_LIMIT, "undo logs in " + bank.name(), 0L, bank.database::undoLogs);
      Expect.within(Bank.END_LIMIT, "accounts with a reservation in " + bank.name(), 0L, bank::withReservation);
    }
    List<String> wrongs = new ArrayList<>();
    long committed = 0;
    for (Attempt attempt : attempts) {
      long inTcc = tcc.balance(attempt.tccAccount);
      long inAt = at.balance(attempt.atAccount);
      committed += inTcc;
      String wrong = wrong(attempt, inTcc, inAt);
      if (wrong != null) {
        wrongs.add(wrong + ": " + attempt);
      }
    }
    Expect.yes("some committed", committed > THREADS);
    return wrongs;
  }

  private static String wrong(Attempt attempt, long inTcc, long inAt) {
    if (inTcc != inAt || inTcc < 0 || inTcc > 1) {
      return "its branches ended differently, " + inTcc + " by TCC and " + inAt + " by AT";
    }
    boolean committed = inTcc == 1;
    if (attempt.asked != Asked.COMMIT) {
      return committed ? "committed without being asked" : unexpected(attempt, ROLLED_BACK);
    }
    if (!committed) {
      return COMMITTED.contains(attempt.answer) ? "acknowledged and lost" : "rolled back without being asked";
    }
    return unexpected(attempt, COMMITTED);
  }

  /** A call that failed told nothing; an answer has to be the right one. */
  private static String unexpected(Attempt attempt, Set<GlobalStatus> right) {
    return attempt.answer == null || right.contains(attempt.answer) ? null : "answered wrongly";
  }
}
