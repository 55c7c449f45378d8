package torc.clients;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.apache.seata.integration.tx.api.util.ProxyUtil;
import org.apache.seata.rm.fence.SpringFenceConfig;
import org.apache.seata.rm.tcc.api.BusinessActionContext;
import org.apache.seata.rm.tcc.api.BusinessActionContextParameter;
import org.apache.seata.rm.tcc.api.TwoPhaseBusinessAction;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.DataSourceUtils;

/**
 * The TCC service: reserves an amount, then books or releases it. It runs behind Seata's fence, which makes repeated
 * and early second calls harmless; fence row and business row change in one local transaction. Seata keeps one fence
 * data source per process, so the service works on one bank at a time.
 */
public class Reservation {
  static final String ACTION = "reserve";

  /** What a case puts into the way of phase two. It runs inside the local transaction, before the books change. */
  interface Obstacle {
    /** @return false to refuse for now, as may throwing */
    boolean meet(String xid) throws Exception;

    Obstacle NONE = xid -> true;
  }

  /** Seata's proxy: through it the application calls {@link #reserve}; phase two is called by Seata alone. */
  static final Reservation SERVICE = ProxyUtil.createProxy(new Reservation());

  private static volatile DataSource books;
  private static volatile Obstacle obstacle = Obstacle.NONE;

  static void workOn(Bank bank) {
    books = bank.database.books;
    new SpringFenceConfig(books, new DataSourceTransactionManager(books)).afterPropertiesSet();
  }

  static void obstruct(Obstacle what) {
    obstacle = what;
  }

  @TwoPhaseBusinessAction(name = ACTION, commitMethod = "book", rollbackMethod = "release", useTCCFence = true)
  public boolean reserve(BusinessActionContext context,
      @BusinessActionContextParameter(paramName = "account") int account,
      @BusinessActionContextParameter(paramName = "amount") long amount) throws SQLException {
    return execute("update account set reserved = reserved + ? where id = ?", amount, account);
  }

  public boolean book(BusinessActionContext context) throws Exception {
    long amount = context.getActionContext("amount", Long.class);
    return obstacle.meet(context.getXid())
        && execute("update account set balance = balance - ?, reserved = reserved - ? where id = ?", amount, amount,
            context.getActionContext("account", Integer.class));
  }

  public boolean release(BusinessActionContext context) throws Exception {
    return obstacle.meet(context.getXid())
        && execute("update account set reserved = reserved - ? where id = ?",
            context.getActionContext("amount", Long.class), context.getActionContext("account", Integer.class));
  }

  /** Joins the local transaction that the fence has opened on this thread. */
  private static boolean execute(String sql, Object... arguments) throws SQLException {
    Connection connection = DataSourceUtils.getConnection(books);
    try {
      return Database.execute(connection, sql, arguments) == 1;
    } finally {
      DataSourceUtils.releaseConnection(connection, books);
    }
  }
}
