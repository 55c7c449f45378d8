package torc.clients;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.seata.core.protocol.Version;
import org.apache.seata.rm.RMClient;
import org.apache.seata.tm.TMClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Seata application with two databases, made to try torcd: one that is alone, or a ring, found in one of the ways
 * that Seata knows. Settings come from the runner as system properties.
 */
public final class Main {
  private static final String APPLICATION = "bank";
  private static final String GROUP = "default_tx_group";

  private static final Logger log = LoggerFactory.getLogger(Main.class);

  private interface Stop {
    void run() throws Exception;
  }

  private Main() {}

  /** The way of discovery, and optionally a part of the names of the cases to run. */
  public static void main(String[] args) throws Exception {
    Discovery discovery = Discovery.valueOf(args[0].toUpperCase(Locale.ROOT));
    Cases cases = new Cases(args.length > 1 ? args[1] : "");
    try {
      if (discovery == Discovery.ALONE) {
        alone(cases);
      } else {
        ring(cases, discovery);
      }
    } catch (Exception e) {
      log.error("before the first case", e);
      System.out.println("FAILED  before the first case: " + e);
      System.exit(2);
    }
    System.out.printf("%d passed, %d failed%n", cases.passed(), cases.failed());
    // Seata leaves threads behind that would keep the process.
    System.exit(cases.failed() == 0 ? 0 : 1);
  }

  private static void alone(Cases cases) throws Exception {
    Coordinator coordinator = new Coordinator(Path.of(setting("torc.programs")), Path.of(setting("torc.work")));
    atEnd(coordinator::stop);
    // Before any class of Seata is touched: they read it when they are loaded.
    System.setProperty("service.default.grouplist", coordinator.address());
    coordinator.start();
    System.out.println("seata-all " + Version.getCurrent() + " against torcd on " + coordinator.address());
    withBanks(banks -> {
      for (Bank bank : banks) {
        new AtCases(bank, coordinator).run(cases);
        new TccCases(bank).run(cases);
        new XaCases(bank).run(cases);
      }
      new MixedCases(banks).run(cases);
      new LoadCases(banks).run(cases);
      new RestartCases(banks, coordinator).run(cases);
    });
  }

  private static void ring(Cases cases, Discovery discovery) throws Exception {
    if (!RingCases.wanted(cases, discovery)) {
      return;
    }
    Ring ring = new Ring(Path.of(setting("torc.programs")), Path.of(setting("torc.work")));
    atEnd(ring::stop);
    if (discovery == Discovery.RAFT) {
      System.setProperty("registry.type", "raft");
      System.setProperty("registry.raft.serverAddr", ring.httpAddresses());
    } else {
      System.setProperty("service.default.grouplist", ring.clientAddresses());
    }
    ring.start();
    System.out.println("seata-all " + Version.getCurrent() + " in " + discovery + " mode against a ring on "
        + ring.clientAddresses());
    withBanks(banks -> new RingCases(banks, ring, discovery).run(cases));
  }

  private interface Use {
    void use(List<Bank> banks) throws Exception;
  }

  private static void withBanks(Use use) throws Exception {
    TMClient.init(APPLICATION, GROUP);
    RMClient.init(APPLICATION, GROUP);
    String name = setting("torc.database");
    try (Database mariadb = Database.mariadb(Integer.parseInt(setting("torc.mariadb.port")), name);
        Database postgresql = Database.postgresql(Integer.parseInt(setting("torc.postgresql.port")), name)) {
      use.use(List.of(new Bank(mariadb), new Bank(postgresql)));
    }
  }

  private static void atEnd(Stop stop) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        stop.run();
      } catch (Exception e) {
        log.error("not ended in order", e);
      }
    }));
  }

  private static String setting(String name) {
    String value = System.getProperty(name);
    if (value == null) {
      throw new IllegalArgumentException("missing -D" + name + "; start this program with tests/clients/run");
    }
    return value;
  }
}
