package torc.clients;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The accounts in one database, and what must hold of them when a global transaction has ended. Every case opens
 * accounts of its own. (Public, because Seata's proxy of {@link Teller} is loaded apart and must see it.)
 */
public final class Bank {
  /** Rows of Seata's fence table say how far a TCC branch has come. */
  enum Fence {
    NONE, TRIED, COMMITTED, ROLLED_BACK, SUSPENDED
  }

  /** Phase two may go on behind the answer that the application got. */
  static final Duration END_LIMIT = Duration.ofSeconds(40);

  private static final AtomicInteger LAST_ACCOUNT = new AtomicInteger();

  final Database database;

  Bank(Database database) {
    this.database = database;
  }

  String name() {
    return database.name;
  }

  int open(long balance) throws SQLException {
    int account = LAST_ACCOUNT.incrementAndGet();
    Database.execute(database.plain, "insert into account (id, owner, balance, reserved) values (?, ?, ?, 0)", account,
        "Żółć " + account, balance);
    return account;
  }

  long balance(int account) throws SQLException {
    return database.number("select balance from account where id = ?", account);
  }

  long reserved(int account) throws SQLException {
    return database.number("select reserved from account where id = ?", account);
  }

  long withReservation() throws SQLException {
    return database.number("select count(*) from account where reserved <> 0");
  }

  /** The outsider: changes the balance past Seata. */
  void change(int account, long amount) throws SQLException {
    add(database.plain.getConnection(), account, amount);
  }

  /** Takes the amount from the account within the global transaction that is bound to this thread. */
  void withdraw(Mode mode, int account, long amount) throws SQLException {
    switch (mode) {
      case AT -> add(database.at.getConnection(), account, -amount);
      case XA -> {
        try (Connection connection = database.xa.getConnection()) {
          connection.setAutoCommit(false);
          Database.execute(connection, "update account set balance = balance - ? where id = ?", amount, account);
          connection.commit();
        }
      }
      case TCC -> Reservation.SERVICE.reserve(null, account, amount);
    }
  }

  void deposit(Mode mode, int account, long amount) throws SQLException {
    withdraw(mode, account, -amount);
  }

  /** Phase one is done and nothing of phase two: each mode has its traces in the database. */
  void expectOpen(Mode mode, String xid) throws SQLException {
    expectOpen(List.of(mode), xid);
  }

  void expectOpen(List<Mode> modes, String xid) throws SQLException {
    Expect.equal("undo logs of " + xid, modes.contains(Mode.AT) ? 1L : 0L, database.undoLogs(xid));
    Expect.equal("prepared XA branches of " + xid, modes.contains(Mode.XA) ? 1L : 0L, database.prepared(xid));
    Expect.equal("fence of " + xid, modes.contains(Mode.TCC) ? Fence.TRIED : Fence.NONE, fence(xid));
  }

  /** The transaction has ended: the balance is that, and none of Seata's traces is left. */
  void expectEnded(Mode mode, boolean committed, String xid, int account, long balance) throws Exception {
    expectEnded(xid, account, balance);
    Fence fence = mode != Mode.TCC ? Fence.NONE : committed ? Fence.COMMITTED : Fence.ROLLED_BACK;
    Expect.equal("fence of " + xid, fence, fence(xid));
  }

  void expectEnded(String xid, int account, long balance) throws Exception {
    Expect.within(END_LIMIT, "prepared XA branches of " + xid, 0L, () -> database.prepared(xid));
    Expect.within(END_LIMIT, "undo logs of " + xid, 0L, () -> database.undoLogs(xid));
    Expect.within(END_LIMIT, "reserved of account " + account, 0L, () -> reserved(account));
    Expect.equal("balance of account " + account + " after " + xid, balance, balance(account));
  }

  Fence fence(String xid) throws SQLException {
    long status = database.number("select coalesce(max(status), 0) from tcc_fence_log where xid = ?", xid);
    return Fence.values()[(int) status];
  }

  private static void add(Connection connection, int account, long amount) throws SQLException {
    try (connection) {
      int rows = Database.execute(connection, "update account set balance = balance + ? where id = ?", amount, account);
      Expect.equal("updated rows of account " + account, 1, rows);
    }
  }
}
