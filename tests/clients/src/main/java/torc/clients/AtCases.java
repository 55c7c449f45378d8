package torc.clients;

import com.fasterxml.jackson.databind.JsonNode;
import java.sql.Connection;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.seata.core.model.GlobalStatus;
import org.apache.seata.rm.datasource.exec.LockConflictException;
import org.apache.seata.tm.api.GlobalTransaction;

/** The AT mode: changes are made at once, undone from the undo log, and guarded by the coordinator's global locks. */
final class AtCases {
  private static final Transactions.Patience SHORT = new Transactions.Patience(3, 10);
  private static final Transactions.Patience LONG = new Transactions.Patience(1000, 10);

  private final Bank bank;
  private final Coordinator coordinator;

  AtCases(Bank bank, Coordinator coordinator) {
    this.bank = bank;
    this.coordinator = coordinator;
  }

  void run(Cases cases) {
    String on = ", " + bank.name();
    cases.run("AT commit" + on, this::commit);
    cases.run("AT rollback" + on, this::rollback);
    cases.run("AT rollback of insert, update and delete" + on, this::rollbackOfAllKinds);
    cases.run("AT through @GlobalTransactional" + on, this::annotated);
    cases.run("AT lock: the second waits and gets it" + on, this::waitsForLock);
    cases.run("AT lock: the second gives up and is rolled back" + on, this::givesUpLock);
    cases.run("AT lock: who waits does not hinder the holder's rollback" + on, this::rollbackPastWaiter);
    cases.run("AT @GlobalLock reads and writes settled rows only" + on, this::globalLock);
    cases.run("AT select for update inside a global transaction" + on, this::selectForUpdate);
    cases.run("AT dirty write: parked, visible, row stays locked" + on, this::dirtyWrite);
    cases.run("AT timeout: rolled back by the coordinator" + on, this::timeout);
  }

  private void commit() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = Transactions.begin("at-commit");
    Transactions.in(transaction, () -> bank.withdraw(Mode.AT, account, 30));
    bank.expectOpen(Mode.AT, transaction.getXid());
    transaction.commit();
    Expect.equal("answer to commit", GlobalStatus.Committed, transaction.getLocalStatus());
    bank.expectEnded(Mode.AT, true, transaction.getXid(), account, 70);
    Expect.equal("rows in undo_log", 0L, bank.database.undoRows(transaction.getXid()));
  }

  private void rollback() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = Transactions.begin("at-rollback");
    Transactions.in(transaction, () -> {
      bank.withdraw(Mode.AT, account, 30);
      bank.withdraw(Mode.AT, account, 20);  // a second branch on the same row: undone in reverse order, or not at all
    });
    Expect.equal("balance before the rollback", 50L, bank.balance(account));
    transaction.rollback();
    Expect.equal("answer to rollback", GlobalStatus.Rollbacked, transaction.getLocalStatus());
    bank.expectEnded(Mode.AT, false, transaction.getXid(), account, 100);
    Expect.equal("rows in undo_log", 0L, bank.database.undoRows(transaction.getXid()));
  }

  private void rollbackOfAllKinds() throws Throwable {
    int updated = bank.open(100);
    int deleted = bank.open(200);
    int inserted = bank.open(300);
    Database.execute(bank.database.plain, "delete from account where id = ?", inserted);
    GlobalTransaction transaction = Transactions.begin("at-all-kinds");
    Transactions.in(transaction, () -> {
      try (Connection connection = bank.database.at.getConnection()) {
        connection.setAutoCommit(false);
        Database.execute(connection, "update account set owner = 'nobody', balance = 0 where id = ?", updated);
        Database.execute(connection, "delete from account where id = ?", deleted);
        Database.execute(connection, "insert into account (id, owner, balance, reserved) values (?, 'new', 1, 2)",
            inserted);
        connection.commit();
      }
    });
    Expect.equal("the deleted row", 0L, bank.database.number("select count(*) from account where id = ?", deleted));
    transaction.rollback();
    bank.expectEnded(transaction.getXid(), updated, 100);
    bank.expectEnded(transaction.getXid(), deleted, 200);
    Expect.equal("the inserted row", 0L, bank.database.number("select count(*) from account where id = ?", inserted));
    Expect.equal("owners restored to the letter", 2L, bank.database.number(
        "select count(*) from account where (id = ? and owner = ?) or (id = ? and owner = ?)", updated,
        "Żółć " + updated, deleted, "Żółć " + deleted));
  }

  private void annotated() throws Throwable {
    int poor = bank.open(10);
    int rich = bank.open(1000);
    Teller.SERVICE.transfer(bank, rich, bank, poor, 90);
    Expect.equal("after the transfer", 100L, bank.balance(poor));
    Throwable failure = Expect.failure("an overdraft", () -> Teller.SERVICE.transfer(bank, poor, bank, rich, 101));
    Expect.caused("an overdraft", IllegalStateException.class, failure);
    Expect.within(Bank.END_LIMIT, "balance of the poor", 100L, () -> bank.balance(poor));
    Expect.within(Bank.END_LIMIT, "balance of the rich", 910L, () -> bank.balance(rich));
  }

  private void waitsForLock() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction first = Transactions.begin("at-first");
    Transactions.in(first, () -> bank.withdraw(Mode.AT, account, 30));
    CompletableFuture<String> second =
        Async.call(() -> Transactions.run("at-second", LONG, () -> bank.withdraw(Mode.AT, account, 20)));
    Thread.sleep(500);
    Expect.yes("the second waits", !second.isDone());
    first.commit();
    String xid = second.get(10, TimeUnit.SECONDS);
    bank.expectEnded(Mode.AT, true, first.getXid(), account, 50);
    bank.expectEnded(Mode.AT, true, xid, account, 50);
  }

  private void givesUpLock() throws Throwable {
    int account = bank.open(100);
    int other = bank.open(100);
    GlobalTransaction first = Transactions.begin("at-first");
    Transactions.in(first, () -> bank.withdraw(Mode.AT, account, 30));
    Throwable failure = Expect.failure("the second", () -> Transactions.run("at-second", SHORT, () -> {
      bank.withdraw(Mode.AT, other, 20);
      bank.withdraw(Mode.AT, account, 20);
    }));
    Expect.caused("the second", LockConflictException.class, failure);
    Expect.within(Bank.END_LIMIT, "the second's other row", 100L, () -> bank.balance(other));
    first.commit();
    bank.expectEnded(Mode.AT, true, first.getXid(), account, 70);
  }

  /**
   * The second holds the row's local lock while it waits for the global one, and the first needs the local lock to roll
   * back. The coordinator must send the waiter away at once; its own patience would last ten seconds and more.
   */
  private void rollbackPastWaiter() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction first = Transactions.begin("at-first");
    Transactions.in(first, () -> bank.withdraw(Mode.AT, account, 30));
    CompletableFuture<String> second = Async.call(() -> Transactions.run("at-second", LONG, () -> {
      try (Connection connection = bank.database.at.getConnection()) {
        connection.setAutoCommit(false);
        Database.execute(connection, "update account set balance = balance - 20 where id = ?", account);
        connection.commit();
      }
    }));
    Thread.sleep(300);
    Expect.yes("the second waits", !second.isDone());
    long start = System.nanoTime();
    first.rollback();
    Throwable failure = Expect.failure("the second", () -> second.get(30, TimeUnit.SECONDS));
    Expect.caused("the second", LockConflictException.class, failure);
    bank.expectEnded(Mode.AT, false, first.getXid(), account, 100);
    Expect.yes("both within 5 s", Duration.ofNanos(System.nanoTime() - start).toMillis() < 5_000);
  }

  private void globalLock() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = Transactions.begin("at-holder");
    Transactions.in(transaction, () -> bank.withdraw(Mode.AT, account, 30));
    Expect.equal("a plain read sees what is not settled", 70L, bank.balance(account));
    Expect.caused("read", LockConflictException.class,
        Expect.failure("read", () -> Teller.SERVICE.settledBalance(bank, account)));
    Expect.caused("write", LockConflictException.class,
        Expect.failure("write", () -> Teller.SERVICE.chargeFee(bank, account, 1)));
    transaction.rollback();
    bank.expectEnded(Mode.AT, false, transaction.getXid(), account, 100);
    Expect.equal("settled balance", 100L, Teller.SERVICE.settledBalance(bank, account));
    Teller.SERVICE.chargeFee(bank, account, 1);
    Expect.equal("after the fee", 99L, bank.balance(account));
  }

  private void selectForUpdate() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction holder = Transactions.begin("at-holder");
    Transactions.in(holder, () -> bank.withdraw(Mode.AT, account, 30));
    Expect.caused("another reader", LockConflictException.class,
        Expect.failure("another reader", () -> Transactions.run("at-reader", SHORT, () -> lockedRead(account))));
    Transactions.in(holder, () -> Expect.equal("the holder's own read", 70L, lockedRead(account)));
    holder.commit();
    bank.expectEnded(Mode.AT, true, holder.getXid(), account, 70);
    Transactions.run("at-reader", () -> Expect.equal("a read afterwards", 70L, lockedRead(account)));
  }

  private void dirtyWrite() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = Transactions.begin("at-dirty");
    String xid = transaction.getXid();
    Transactions.in(transaction, () -> bank.withdraw(Mode.AT, account, 30));
    bank.change(account, 1000);
    transaction.rollback();
    Expect.within(Duration.ofSeconds(10), "status of " + xid, GlobalStatus.RollbackFailed, transaction::getStatus);
    Expect.equal("the outsider's balance is not overwritten", 1070L, bank.balance(account));
    Expect.equal("the undo log stays for whoever repairs it", 1L, bank.database.undoLogs(xid));
    Expect.caused("another's write", LockConflictException.class,
        Expect.failure("another's write",
            () -> Transactions.run("at-other", SHORT, () -> bank.withdraw(Mode.AT, account, 1))));
    JsonNode shown = coordinator.shown(xid);
    Expect.equal("status shown to operators", "RollbackFailed", shown.path("status").asText());
    Expect.yes("the reason is shown: " + shown, shown.path("reason").asText().contains(bank.name()));
  }

  private void timeout() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = Transactions.begin("at-timeout", Duration.ofSeconds(1));
    Transactions.in(transaction, () -> bank.withdraw(Mode.AT, account, 30));
    Expect.within(Duration.ofSeconds(10), "balance", 100L, () -> bank.balance(account));
    bank.expectEnded(Mode.AT, false, transaction.getXid(), account, 100);
    transaction.commit();
    Expect.yes("a commit that comes too late hears " + transaction.getLocalStatus(),
        transaction.getLocalStatus() == GlobalStatus.TimeoutRollbacked
            || transaction.getLocalStatus() == GlobalStatus.Finished);
    Expect.equal("balance after the late commit", 100L, bank.balance(account));
  }

  private long lockedRead(int account) throws Exception {
    try (Connection connection = bank.database.at.getConnection()) {
      connection.setAutoCommit(false);
      long balance = Database.number(connection, "select balance from account where id = ? for update", account);
      connection.commit();
      return balance;
    }
  }
}
