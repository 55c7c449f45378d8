package torc.clients;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.sql.DataSource;
import org.apache.seata.core.context.RootContext;
import org.apache.seata.core.model.BranchType;
import org.apache.seata.rm.datasource.DataSourceProxy;
import org.apache.seata.rm.datasource.xa.DataSourceProxyXA;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/**
 * One database, reached in the ways a Seata application reaches it: {@link #at} and {@link #xa} are Seata's proxies,
 * {@link #books} is for the TCC service; {@link #plain} goes past all of them and serves fixtures, checks, and the
 * outsider who writes where he should not.
 */
abstract class Database implements AutoCloseable {
  /** More than the time-out of locks that the runner starts the servers with. */
  static final Duration ATTEMPT_LIMIT = Duration.ofMillis(2500);

  final String name;
  final DataSource plain;
  final DataSource books;
  final DataSource at;
  final DataSource xa;
  private final Gate gate;
  private final List<HikariDataSource> pools = new ArrayList<>();

  Database(String name, String url, String user) throws IOException, SQLException {
    this.name = name;
    plain = pool(url, user);
    try (Connection connection = plain.getConnection(); Statement statement = connection.createStatement()) {
      for (String sql : schema().split(";")) {
        if (!sql.isBlank()) {
          statement.execute(sql);
        }
      }
    }
    gate = new Gate(pool(url, user));
    books = gate;
    at = new DataSourceProxy(gate);
    xa = new DataSourceProxyXA(gate);
    // Each proxy makes its own mode the process's default, and the AT proxy works only where the mode is AT.
    RootContext.setDefaultBranchType(BranchType.AT);
  }

  static Database mariadb(int port, String database) throws IOException, SQLException {
    return new MariaDb(port, database);
  }

  static Database postgresql(int port, String database) throws IOException, SQLException {
    return new PostgreSql(port, database);
  }

  /** How many prepared XA branches of that global transaction the database holds. */
  abstract long prepared(String xid) throws SQLException;

  /**
   * The application cannot reach the database until what is returned is closed: no branch can be ended. An attempt
   * that was under way fails within {@link #ATTEMPT_LIMIT}.
   */
  AutoCloseable cutOff() throws SQLException {
    gate.shut = true;
    return () -> gate.shut = false;
  }

  /**
   * The rows that the AT mode keeps to be able to undo that global transaction. (Rows with another status are no undo
   * logs: Seata leaves one when it is asked a second time to undo, so that a late phase one cannot slip in.)
   */
  long undoLogs(String xid) throws SQLException {
    return number("select count(*) from undo_log where log_status = 0 and xid = ?", xid);
  }

  long undoLogs() throws SQLException {
    return number("select count(*) from undo_log where log_status = 0");
  }

  /** All rows of that global transaction in the undo log, of any status. */
  long undoRows(String xid) throws SQLException {
    return number("select count(*) from undo_log where xid = ?", xid);
  }

  /** The first column of the first row. */
  long number(String sql, Object... arguments) throws SQLException {
    try (Connection connection = plain.getConnection()) {
      return number(connection, sql, arguments);
    }
  }

  static long number(Connection connection, String sql, Object... arguments) throws SQLException {
    try (PreparedStatement statement = prepare(connection, sql, arguments); ResultSet rows = statement.executeQuery()) {
      if (!rows.next()) {
        throw new SQLException("no row: " + sql);
      }
      return rows.getLong(1);
    }
  }

  /** Executes in a connection that commits by itself, and returns the number of rows. */
  static int execute(DataSource source, String sql, Object... arguments) throws SQLException {
    try (Connection connection = source.getConnection()) {
      return execute(connection, sql, arguments);
    }
  }

  static int execute(Connection connection, String sql, Object... arguments) throws SQLException {
    try (PreparedStatement statement = prepare(connection, sql, arguments)) {
      return statement.executeUpdate();
    }
  }

  @Override
  public void close() {
    pools.forEach(HikariDataSource::close);
  }

  private static PreparedStatement prepare(Connection connection, String sql, Object... arguments)
      throws SQLException {
    PreparedStatement statement = connection.prepareStatement(sql);
    for (int i = 0; i < arguments.length; i++) {
      statement.setObject(i + 1, arguments[i]);
    }
    return statement;
  }

  private HikariDataSource pool(String url, String user) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name + "-" + pools.size());
    config.setJdbcUrl(url);
    config.setUsername(user);
    config.setMaximumPoolSize(20);
    config.setMinimumIdle(1);
    HikariDataSource pool = new HikariDataSource(config);
    pools.add(pool);
    return pool;
  }

  private String schema() throws IOException {
    try (InputStream in = Database.class.getResourceAsStream("/schema/" + name + ".sql")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static final class MariaDb extends Database {
    MariaDb(int port, String database) throws IOException, SQLException {
      super("mariadb", "jdbc:mariadb://127.0.0.1:" + port + "/" + database, "bank");
    }

    @Override
    long prepared(String xid) throws SQLException {
      long found = 0;
      try (Connection connection = plain.getConnection();
          Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("xa recover")) {
        while (rows.next()) {
          String data = rows.getString("data");
          if (data.substring(0, rows.getInt("gtrid_length")).equals(xid)) {
            found++;
          }
        }
      }
      return found;
    }

    /** Seata ends an XA branch on the connection that prepared it and has kept; only the server can refuse there. */
    @Override
    AutoCloseable cutOff() throws SQLException {
      AutoCloseable gate = super.cutOff();
      Connection connection = plain.getConnection();
      execute(connection, "flush tables with read lock");
      return () -> {
        try (connection) {
          execute(connection, "unlock tables");
        }
        gate.close();
      };
    }
  }

  private static final class PostgreSql extends Database {
    PostgreSql(int port, String database) throws IOException, SQLException {
      super("postgresql", "jdbc:postgresql://127.0.0.1:" + port + "/" + database, "bank");
    }

    @Override
    long prepared(String xid) throws SQLException {
      // The driver names a prepared transaction <format id>_<base64 of the global id>_<base64 of the branch>.
      String global = Base64.getEncoder().encodeToString(xid.getBytes(StandardCharsets.UTF_8));
      return number("select count(*) from pg_prepared_xacts where split_part(gid, '_', 2) = ?", global);
    }
  }

  /** The way to the database, which can be shut. */
  private static final class Gate extends DelegatingDataSource {
    volatile boolean shut;

    Gate(DataSource target) {
      super(target);
    }

    @Override
    public Connection getConnection() throws SQLException {
      if (shut) {
        throw new SQLException("cut off by the test");
      }
      return super.getConnection();
    }
  }
}
