package torc.clients;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import org.apache.seata.core.protocol.Version;
import org.apache.seata.rm.RMClient;
import org.apache.seata.tm.TMClient;

/** A Seata application with two databases, made to try torcd. Settings come from the runner as system properties. */
public final class Main {
  private static final String APPLICATION = "bank";
  private static final String GROUP = "default_tx_group";

  private Main() {}

  public static void main(String[] args) throws Exception {
    Coordinator coordinator = new Coordinator(Path.of(setting("torc.torcd")), Path.of(setting("torc.work")));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        coordinator.stop();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }));
    // Before any class of Seata is touched: they read it when they are loaded.
    System.setProperty("service.default.grouplist", coordinator.address());
    Cases cases = new Cases(args.length > 0 ? args[0] : "");
    try {
      coordinator.start();
      run(cases, coordinator);
    } catch (Exception e) {
      System.out.println("FAILED  before the first case: " + e);
      System.exit(2);
    }
    System.out.printf("%d passed, %d failed%n", cases.passed(), cases.failed());
    // Seata leaves threads behind that would keep the process.
    System.exit(cases.failed() == 0 && cases.passed() > 0 ? 0 : 1);
  }

  private static void run(Cases cases, Coordinator coordinator) throws IOException, SQLException {
    System.out.println("seata-all " + Version.getCurrent() + " against torcd on " + coordinator.address());
    TMClient.init(APPLICATION, GROUP);
    RMClient.init(APPLICATION, GROUP);
    try (Database mariadb = Database.mariadb(Integer.parseInt(setting("torc.mariadb.port")));
        Database postgresql = Database.postgresql(Integer.parseInt(setting("torc.postgresql.port")))) {
      List<Bank> banks = List.of(new Bank(mariadb), new Bank(postgresql));
      for (Bank bank : banks) {
        new AtCases(bank, coordinator).run(cases);
        new TccCases(bank).run(cases);
        new XaCases(bank).run(cases);
      }
      new MixedCases(banks).run(cases);
      new LoadCases(banks).run(cases);
      new RestartCases(banks, coordinator).run(cases);
    }
  }

  private static String setting(String name) {
    String value = System.getProperty(name);
    if (value == null) {
      throw new IllegalArgumentException("missing -D" + name + "; start this program with tests/clients/run");
    }
    return value;
  }
}
