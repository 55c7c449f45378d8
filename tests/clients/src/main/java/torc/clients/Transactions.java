package torc.clients;

import java.time.Duration;
import org.apache.seata.core.context.RootContext;
import org.apache.seata.core.exception.TransactionException;
import org.apache.seata.tm.api.GlobalTransaction;
import org.apache.seata.tm.api.GlobalTransactionContext;
import org.apache.seata.tm.api.TransactionalExecutor;
import org.apache.seata.tm.api.TransactionalTemplate;
import org.apache.seata.tm.api.transaction.TransactionInfo;

/** The transaction manager's side: global transactions run as a whole, or step by step. */
final class Transactions {
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** How often a branch asks again for a lock that is held, and at what interval in ms. */
  record Patience(int times, int interval) {
    /** As configured; unconfigured these are 30 times and 10 ms. */
    static final Patience DEFAULT = new Patience(-1, 0);
  }

  private Transactions() {}

  /** The way of {@code @GlobalTransactional}: commits when the body returns, rolls back when it throws. */
  static String run(String name, Cases.Body body) throws Throwable {
    return run(name, Patience.DEFAULT, body);
  }

  static String run(String name, Patience patience, Cases.Body body) throws Throwable {
    TransactionInfo info = new TransactionInfo();
    info.setName(name);
    info.setTimeOut((int) TIMEOUT.toMillis());
    info.setLockRetryTimes(patience.times);
    info.setLockRetryInterval(patience.interval);
    try {
      return (String) new TransactionalTemplate().execute(new TransactionalExecutor() {
        @Override
        public Object execute() throws Throwable {
          body.run();
          return RootContext.getXID();
        }

        @Override
        public TransactionInfo getTransactionInfo() {
          return info;
        }
      });
    } catch (TransactionalExecutor.ExecutionException e) {
      throw e.getOriginalException() != null ? e.getOriginalException() : e.getCause();
    }
  }

  /** Begins without binding the transaction to the thread, so that one thread can have many open. */
  static GlobalTransaction begin(String name) throws TransactionException {
    return begin(name, TIMEOUT);
  }

  static GlobalTransaction begin(String name, Duration timeout) throws TransactionException {
    GlobalTransaction transaction = GlobalTransactionContext.createNew();
    transaction.begin((int) timeout.toMillis(), name);
    RootContext.unbind();
    return transaction;
  }

  /** Runs a step of an open transaction. */
  static void in(GlobalTransaction transaction, Cases.Body body) throws Throwable {
    RootContext.bind(transaction.getXid());
    try {
      body.run();
    } finally {
      RootContext.unbind();
    }
  }
}
