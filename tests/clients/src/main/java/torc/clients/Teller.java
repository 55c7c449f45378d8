package torc.clients;

import java.sql.Connection;
import java.sql.SQLException;
import org.apache.seata.integration.tx.api.util.ProxyUtil;
import org.apache.seata.spring.annotation.GlobalLock;
import org.apache.seata.spring.annotation.GlobalTransactional;

/** A service in the style of most applications: annotations say what is global, Seata's proxy does it. */
public class Teller {
  static final Teller SERVICE = ProxyUtil.createProxy(new Teller());

  @GlobalTransactional(name = "transfer", timeoutMills = 30_000)
  public void transfer(Bank from, int account, Bank to, int other, long amount) throws SQLException {
    from.withdraw(Mode.AT, account, amount);
    to.deposit(Mode.AT, other, amount);
    if (from.balance(account) < 0) {
      throw new IllegalStateException("account " + account + " is overdrawn");
    }
  }

  /** Reads only what no open global transaction has written; gives up soon. */
  @GlobalLock(lockRetryTimes = 3, lockRetryInterval = 10)
  public long settledBalance(Bank bank, int account) throws SQLException {
    try (Connection connection = bank.database.at.getConnection()) {
      connection.setAutoCommit(false);
      long balance = Database.number(connection, "select balance from account where id = ? for update", account);
      connection.commit();
      return balance;
    }
  }

  /** Writes outside any global transaction, but never over an open one; gives up soon. */
  @GlobalLock(lockRetryTimes = 3, lockRetryInterval = 10)
  public void chargeFee(Bank bank, int account, long amount) throws SQLException {
    bank.withdraw(Mode.AT, account, amount);
  }
}
