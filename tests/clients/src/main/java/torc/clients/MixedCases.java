package torc.clients;

import java.util.List;
import org.apache.seata.core.model.GlobalStatus;
import org.apache.seata.tm.api.GlobalTransaction;

/** Several modes in one global transaction, and one global transaction over two databases: what Seata is for. */
final class MixedCases {
  private final List<Bank> banks;

  MixedCases(List<Bank> banks) {
    this.banks = banks;
  }

  void run(Cases cases) {
    for (Bank bank : banks) {
      cases.run("AT and TCC in one commit, " + bank.name(), () -> modes(bank, List.of(Mode.AT, Mode.TCC), true));
      cases.run("AT and TCC in one rollback, " + bank.name(), () -> modes(bank, List.of(Mode.TCC, Mode.AT), false));
      cases.run("AT, TCC and XA in one commit, " + bank.name(), () -> modes(bank, List.of(Mode.values()), true));
      cases.run("AT, TCC and XA in one rollback, " + bank.name(), () -> modes(bank, List.of(Mode.values()), false));
    }
    for (Mode mode : List.of(Mode.AT, Mode.XA)) {
      cases.run(mode + " over two databases, commit", () -> databases(mode, true));
      cases.run(mode + " over two databases, rollback", () -> databases(mode, false));
    }
  }

  private static void modes(Bank bank, List<Mode> modes, boolean commit) throws Throwable {
    Reservation.workOn(bank);
    int[] accounts = new int[modes.size()];
    GlobalTransaction transaction = Transactions.begin("mixed-modes");
    for (int i = 0; i < accounts.length; i++) {
      int account = bank.open(100);
      Mode mode = modes.get(i);
      accounts[i] = account;
      Transactions.in(transaction, () -> bank.withdraw(mode, account, 30));
    }
    finish(transaction, commit);
    for (int account : accounts) {
      bank.expectEnded(transaction.getXid(), account, commit ? 70 : 100);
    }
    Expect.equal("fence", commit ? Bank.Fence.COMMITTED : Bank.Fence.ROLLED_BACK, bank.fence(transaction.getXid()));
  }

  private void databases(Mode mode, boolean commit) throws Throwable {
    Bank from = banks.get(0);
    Bank to = banks.get(1);
    int account = from.open(100);
    int other = to.open(100);
    GlobalTransaction transaction = Transactions.begin("two-databases");
    Transactions.in(transaction, () -> {
      from.withdraw(mode, account, 30);
      to.deposit(mode, other, 30);
    });
    finish(transaction, commit);
    from.expectEnded(mode, commit, transaction.getXid(), account, commit ? 70 : 100);
    to.expectEnded(mode, commit, transaction.getXid(), other, commit ? 130 : 100);
  }

  private static void finish(GlobalTransaction transaction, boolean commit) throws Exception {
    if (commit) {
      transaction.commit();
    } else {
      transaction.rollback();
    }
    Expect.equal("answer", commit ? GlobalStatus.Committed : GlobalStatus.Rollbacked, transaction.getLocalStatus());
  }
}
