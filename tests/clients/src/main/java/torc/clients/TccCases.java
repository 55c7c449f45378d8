package torc.clients;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.seata.core.model.BranchType;
import org.apache.seata.core.model.GlobalStatus;
import org.apache.seata.core.model.Resource;
import org.apache.seata.rm.DefaultResourceManager;
import org.apache.seata.tm.api.GlobalTransaction;

/** The TCC mode behind Seata's fence: reserve, then book or release, once each however often it is asked for. */
final class TccCases {
  private final Bank bank;

  TccCases(Bank bank) {
    this.bank = bank;
  }

  void run(Cases cases) {
    String on = ", " + bank.name();
    Reservation.workOn(bank);
    cases.run("TCC commit" + on, this::commit);
    cases.run("TCC rollback" + on, this::rollback);
    cases.run("TCC empty rollback: registered, never reserved" + on, this::emptyRollback);
    cases.run("TCC commit refused at first is repeated" + on, () -> refusedAtFirst(true));
    cases.run("TCC rollback refused at first is repeated" + on, () -> refusedAtFirst(false));
    cases.run("TCC commit met by an unknown action is repeated" + on, () -> unknownAtFirst(true));
    cases.run("TCC rollback met by an unknown action is repeated" + on, () -> unknownAtFirst(false));
  }

  private void commit() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = open(account);
    transaction.commit();
    Expect.equal("answer to commit", GlobalStatus.Committed, transaction.getLocalStatus());
    bank.expectEnded(Mode.TCC, true, transaction.getXid(), account, 70);
  }

  private void rollback() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = open(account);
    transaction.rollback();
    Expect.equal("answer to rollback", GlobalStatus.Rollbacked, transaction.getLocalStatus());
    bank.expectEnded(Mode.TCC, false, transaction.getXid(), account, 100);
  }

  /** The service fails between registering the branch and its first step: the release must find nothing to do. */
  private void emptyRollback() throws Throwable {
    int account = bank.open(100);
    AtomicInteger released = new AtomicInteger();
    Reservation.obstruct(xid -> {
      released.incrementAndGet();
      return true;
    });
    GlobalTransaction transaction = Transactions.begin("tcc-empty-rollback");
    try (AutoCloseable cut = bank.database.cutOff()) {
      Expect.failure("the reservation",
          () -> Transactions.in(transaction, () -> bank.withdraw(Mode.TCC, account, 30)));
    }
    bank.expectEnded(transaction.getXid(), account, 100);
    transaction.rollback();
    Expect.within(Bank.END_LIMIT, "fence", Bank.Fence.SUSPENDED, () -> bank.fence(transaction.getXid()));
    Expect.equal("answer to rollback", GlobalStatus.Rollbacked, transaction.getLocalStatus());
    Expect.equal("calls of release", 0, released.get());
    bank.expectEnded(transaction.getXid(), account, 100);
    Reservation.obstruct(Reservation.Obstacle.NONE);
  }

  private void refusedAtFirst(boolean commit) throws Throwable {
    int account = bank.open(100);
    AtomicInteger calls = new AtomicInteger();
    Reservation.obstruct(xid -> switch (calls.incrementAndGet()) {
      case 1 -> false;
      case 2 -> throw new IllegalStateException("refused by the test");
      default -> true;
    });
    GlobalTransaction transaction = open(account);
    finish(transaction, commit);
    bank.expectEnded(Mode.TCC, commit, transaction.getXid(), account, commit ? 70 : 100);
    Expect.equal("calls", 3, calls.get());
    Reservation.obstruct(Reservation.Obstacle.NONE);
  }

  /** A resource manager that does not know the action answers with a bare header of false lengths. */
  private void unknownAtFirst(boolean commit) throws Throwable {
    int account = bank.open(100);
    Map<String, Resource> known =
        DefaultResourceManager.get().getResourceManager(BranchType.TCC).getManagedResources();
    GlobalTransaction transaction = open(account);
    Resource action = known.remove(Reservation.ACTION);
    Async.run(() -> {
      Thread.sleep(700);
      known.put(Reservation.ACTION, action);
    });
    finish(transaction, commit);
    bank.expectEnded(Mode.TCC, commit, transaction.getXid(), account, commit ? 70 : 100);
  }

  private GlobalTransaction open(int account) throws Throwable {
    GlobalTransaction transaction = Transactions.begin("tcc");
    Transactions.in(transaction, () -> bank.withdraw(Mode.TCC, account, 30));
    bank.expectOpen(Mode.TCC, transaction.getXid());
    Expect.equal("reserved", 30L, bank.reserved(account));
    Expect.equal("balance while reserved", 100L, bank.balance(account));
    return transaction;
  }

  private static void finish(GlobalTransaction transaction, boolean commit) throws Exception {
    if (commit) {
      transaction.commit();
    } else {
      transaction.rollback();
    }
  }
}
