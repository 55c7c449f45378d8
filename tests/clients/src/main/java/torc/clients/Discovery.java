package torc.clients;

import java.util.Locale;

/** How an application learns where the coordinator is; one way per process, as Seata has it. */
enum Discovery {
  /** A torcd that is alone, its address in Seata's file mode. */
  ALONE,
  /** A ring, all its nodes' addresses in Seata's file mode: the application sends to any of them. */
  LIST,
  /** A ring, found through Seata's raft mode: the application is told who leads, and sends there. */
  RAFT;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
