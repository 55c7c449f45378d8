package torc.clients;

import java.sql.Connection;
import java.time.Duration;
import org.apache.seata.core.model.GlobalStatus;
import org.apache.seata.tm.api.GlobalTransaction;

/** The XA mode: branches wait prepared in the database, and none may be left there when all is over. */
final class XaCases {
  private final Bank bank;

  XaCases(Bank bank) {
    this.bank = bank;
  }

  void run(Cases cases) {
    String on = ", " + bank.name();
    cases.run("XA commit" + on, this::commit);
    cases.run("XA rollback" + on, this::rollback);
    cases.run("XA with two branches" + on, this::twoBranches);
    cases.run("XA after a branch that failed by itself" + on, this::failedBranch);
    cases.run("XA timeout: rolled back by the coordinator" + on, this::timeout);
  }

  private void commit() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = open(account, Transactions.TIMEOUT);
    transaction.commit();
    Expect.equal("answer to commit", GlobalStatus.Committed, transaction.getLocalStatus());
    bank.expectEnded(Mode.XA, true, transaction.getXid(), account, 70);
  }

  private void rollback() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = open(account, Transactions.TIMEOUT);
    transaction.rollback();
    Expect.equal("answer to rollback", GlobalStatus.Rollbacked, transaction.getLocalStatus());
    bank.expectEnded(Mode.XA, false, transaction.getXid(), account, 100);
  }

  private void twoBranches() throws Throwable {
    int account = bank.open(100);
    int other = bank.open(100);
    String xid = Transactions.run("xa-two-branches", () -> {
      bank.withdraw(Mode.XA, account, 30);
      bank.deposit(Mode.XA, other, 30);
    });
    bank.expectEnded(Mode.XA, true, xid, account, 70);
    bank.expectEnded(Mode.XA, true, xid, other, 130);
  }

  /** The application rolls its branch back itself (and reports so); the other branch is the coordinator's to undo. */
  private void failedBranch() throws Throwable {
    int account = bank.open(100);
    int other = bank.open(100);
    GlobalTransaction transaction = Transactions.begin("xa-failed-branch");
    Transactions.in(transaction, () -> {
      bank.withdraw(Mode.XA, account, 30);
      try (Connection connection = bank.database.xa.getConnection()) {
        connection.setAutoCommit(false);
        Database.execute(connection, "update account set balance = balance + 30 where id = ?", other);
        connection.rollback();
      }
    });
    transaction.rollback();
    bank.expectEnded(Mode.XA, false, transaction.getXid(), account, 100);
    bank.expectEnded(Mode.XA, false, transaction.getXid(), other, 100);
  }

  private void timeout() throws Throwable {
    int account = bank.open(100);
    GlobalTransaction transaction = open(account, Duration.ofSeconds(1));
    Expect.within(Duration.ofSeconds(10), "prepared branches", 0L,
        () -> bank.database.prepared(transaction.getXid()));
    bank.expectEnded(Mode.XA, false, transaction.getXid(), account, 100);
  }

  private GlobalTransaction open(int account, Duration timeout) throws Throwable {
    GlobalTransaction transaction = Transactions.begin("xa", timeout);
    Transactions.in(transaction, () -> bank.withdraw(Mode.XA, account, 30));
    bank.expectOpen(Mode.XA, transaction.getXid());
    Expect.equal("balance while prepared", 100L, bank.balance(account));
    return transaction;
  }
}
