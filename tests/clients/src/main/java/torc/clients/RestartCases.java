package torc.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.seata.core.model.GlobalStatus;
import org.apache.seata.rm.datasource.exec.LockConflictException;
import org.apache.seata.tm.api.GlobalTransaction;

/**
 * The coordinator is killed with kill -9 and started again on its directory, while the application lives on. Nothing
 * that was answered may be forgotten: open transactions go on, held locks stay held, decisions are carried out.
 *
 * <p>A crash costs time, because the application reconnects only when it asks for something or at the ticks of its
 * timer (every 10 s, the first 60 s after its start). So one crash serves several transactions, opened before it.
 */
final class RestartCases {
  private static final Set<GlobalStatus> DECIDED = Set.of(GlobalStatus.Committing, GlobalStatus.CommitRetrying,
      GlobalStatus.AsyncCommitting, GlobalStatus.Rollbacking, GlobalStatus.RollbackRetrying);

  /**
   * An XA branch that was ended while nobody could hear of it is unknown to its database when asked again. That counts
   * as done only when the transaction has been over for a minute; so its own time is short.
   */
  private static final Duration OUTCOME_LIMIT = Duration.ofSeconds(85);
  private static final Duration SHORT = Duration.ofSeconds(10);

  /** A transaction that lives through a crash: 100 are in the account, 30 are withdrawn in each of the modes. */
  private static final class Story {
    final Bank bank;
    final boolean commit;
    final List<Mode> modes;
    final List<Integer> accounts = new ArrayList<>();
    final GlobalTransaction transaction;
    CompletableFuture<Void> call;

    Story(Bank bank, boolean commit, Duration timeout, Mode... modes) throws Throwable {
      this.bank = bank;
      this.commit = commit;
      this.modes = List.of(modes);
      transaction = Transactions.begin(toString(), timeout);
      for (Mode mode : modes) {
        int account = bank.open(100);
        accounts.add(account);
        Transactions.in(transaction, () -> bank.withdraw(mode, account, 30));
      }
    }

    void finish() throws Exception {
      if (commit) {
        transaction.commit();
      } else {
        transaction.rollback();
      }
    }

    void call() {
      call = Async.run(this::finish);
    }

    void expectDecided() throws Exception {
      Expect.anyWithin(Duration.ofSeconds(10), "status of " + this, DECIDED, transaction::getStatus);
    }

    void expectEnded() throws Exception {
      for (int i = 0; i < accounts.size(); i++) {
        bank.expectEnded(transaction.getXid(), accounts.get(i), commit ? 70 : 100);
      }
    }

    /** Whoever asks again, hears the outcome; "Finished" would mean that nothing is known. */
    void expectOutcomeKnown() throws Exception {
      Expect.within(OUTCOME_LIMIT, "answer of " + this + " when asked again",
          commit ? GlobalStatus.Committed : GlobalStatus.Rollbacked, () -> {
            finish();
            return transaction.getLocalStatus();
          });
    }

    @Override
    public String toString() {
      return modes + (commit ? " commit" : " rollback");
    }
  }

  private final List<Bank> banks;
  private final Coordinator coordinator;

  RestartCases(List<Bank> banks, Coordinator coordinator) {
    this.banks = banks;
    this.coordinator = coordinator;
  }

  void run(Cases cases) {
    for (Bank bank : banks) {
      openAtCrash(cases, bank);
      decidedAtCrash(cases, bank);
    }
  }

  /** The crash comes between phase one and the application's commit or rollback. */
  private void openAtCrash(Cases cases, Bank bank) {
    String crash = "crash before the decision: ";
    String on = ", " + bank.name();
    if (!cases.wants(crash + on)) {
      return;
    }
    Reservation.workOn(bank);
    List<Story> stories = new ArrayList<>();
    boolean prepared = cases.run(crash + "all modes open, killed, restarted" + on, () -> {
      for (Mode mode : Mode.values()) {
        for (boolean commit : new boolean[] {true, false}) {
          Story story = new Story(bank, commit, Transactions.TIMEOUT, mode);
          bank.expectOpen(mode, story.transaction.getXid());
          stories.add(story);
        }
      }
      coordinator.kill();
      coordinator.start();
      reconnect(bank);
    });
    if (!prepared) {
      return;
    }
    cases.run(crash + "AT locks are still held" + on, () -> {
      int account = stories.get(0).accounts.get(0);
      Throwable failure = Expect.failure("another's write", () -> Transactions.run("at-other",
          new Transactions.Patience(3, 10), () -> bank.withdraw(Mode.AT, account, 1)));
      Expect.caused("another's write", LockConflictException.class, failure);
    });
    cases.run(crash + "AT goes on with a second branch" + on, () -> {
      int second = bank.open(100);
      Story story = stories.get(0);
      Transactions.in(story.transaction, () -> bank.withdraw(Mode.AT, second, 30));
      story.accounts.add(second);
    });
    for (Story story : stories) {
      cases.run(crash + story + on, () -> {
        story.finish();
        story.expectEnded();
        story.expectOutcomeKnown();
      });
    }
  }

  /**
   * The crash comes when the outcome is decided and phase two is under way. Some branches cannot be ended before the
   * crash, because the application cannot reach its database: they are the restarted coordinator's to end. Others are
   * ended while no coordinator lives to hear of it: asked again, their application must not book twice.
   */
  private void decidedAtCrash(Cases cases, Bank bank) {
    String crash = "crash after the decision: ";
    String on = ", " + bank.name();
    if (!cases.wants(crash + on)) {
      return;
    }
    Reservation.workOn(bank);
    List<Story> stories = new ArrayList<>();
    boolean prepared = cases.run(crash + "phase two open, killed, restarted" + on, () -> {
      List<Story> endedUnheard = List.of(
          new Story(bank, true, SHORT, Mode.TCC), new Story(bank, false, SHORT, Mode.TCC));
      List<Story> leftOpen = List.of(
          new Story(bank, false, SHORT, Mode.AT), new Story(bank, true, SHORT, Mode.TCC, Mode.AT),
          new Story(bank, false, SHORT, Mode.TCC), new Story(bank, true, SHORT, Mode.XA),
          new Story(bank, false, SHORT, Mode.XA));
      stories.addAll(endedUnheard);
      stories.addAll(leftOpen);

      CountDownLatch entered = new CountDownLatch(endedUnheard.size());
      CountDownLatch dead = new CountDownLatch(1);
      Reservation.obstruct(xid -> {
        entered.countDown();
        return dead.await(30, TimeUnit.SECONDS);
      });
      endedUnheard.forEach(Story::call);
      Expect.yes("phase two has reached the service", entered.await(10, TimeUnit.SECONDS));

      AutoCloseable cut = bank.database.cutOff();
      leftOpen.forEach(Story::call);
      for (Story story : leftOpen) {
        story.expectDecided();
      }
      coordinator.kill();
      Thread.sleep(Database.ATTEMPT_LIMIT.toMillis());  // what was under way has failed by now
      cut.close();
      dead.countDown();
      for (Story story : endedUnheard) {
        story.expectEnded();
      }
      Reservation.obstruct(Reservation.Obstacle.NONE);
      for (Story story : leftOpen) {
        bank.expectOpen(story.modes, story.transaction.getXid());
      }
      coordinator.start();
    });
    if (!prepared) {
      return;
    }
    for (Story story : stories) {
      cases.run(crash + story + on, story::expectEnded);
    }
    cases.run(crash + "calls that it cut off come back" + on, () -> {
      for (Story story : stories) {
        // The application repeats such a call when its 30 s are over.
        story.call.get(60, TimeUnit.SECONDS);
      }
    });
    for (Story story : stories) {
      cases.run(crash + story + ", outcome known" + on, story::expectOutcomeKnown);
    }
  }

  /** An application whose timer ticked while the coordinator was away knows no address before the next tick. */
  private static void reconnect(Bank bank) throws Exception {
    int account = bank.open(100);
    Expect.within(Duration.ofSeconds(25), "a transaction after the crash", true, () -> {
      try {
        Transactions.run("after-the-crash", () -> bank.withdraw(Mode.AT, account, 1));
        return true;
      } catch (Throwable t) {
        throw new Exception(t);
      }
    });
  }
}
