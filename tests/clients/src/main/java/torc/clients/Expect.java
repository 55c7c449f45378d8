package torc.clients;

import java.time.Duration;
import java.util.Objects;
import java.util.Set;

/** What a case demands. Every failure says what was looked at, what was wanted and what was found. */
final class Expect {
  /** A look at something that may fail, such as a query. */
  interface Look<T> {
    T take() throws Exception;
  }

  private Expect() {}

  static void equal(String what, Object wanted, Object found) {
    if (!Objects.equals(wanted, found)) {
      throw new AssertionError(what + ": wanted " + wanted + ", found " + found);
    }
  }

  static void yes(String what, boolean found) {
    if (!found) {
      throw new AssertionError(what + ": not so");
    }
  }

  /** Looks again and again until the wanted value is there; it must be there within the time. */
  static <T> void within(Duration time, String what, T wanted, Look<T> look) throws Exception {
    anyWithin(time, what, Set.of(wanted), look);
  }

  /** A look that fails counts as not there yet: the application may be about to reconnect. */
  static <T> void anyWithin(Duration time, String what, Set<T> wanted, Look<T> look) throws Exception {
    long end = System.nanoTime() + time.toNanos();
    while (true) {
      Object found;
      Exception failure = null;
      try {
        found = look.take();
      } catch (Exception e) {
        found = e;
        failure = e;
      }
      if (wanted.contains(found)) {
        return;
      }
      if (System.nanoTime() > end) {
        throw new AssertionError(
            what + ": wanted " + wanted + ", after " + time.toMillis() + " ms it is still " + found, failure);
      }
      Thread.sleep(20);
    }
  }

  /** The body must throw; what it throws is handed back for a closer look. */
  static Throwable failure(String what, Cases.Body body) {
    try {
      body.run();
    } catch (Throwable expected) {
      return expected;
    }
    throw new AssertionError(what + ": must fail, but did not");
  }

  /** Whether a throwable or one of its causes is of that type. */
  static void caused(String what, Class<? extends Throwable> wanted, Throwable found) {
    for (Throwable cause = found; cause != null; cause = cause.getCause()) {
      if (wanted.isInstance(cause)) {
        return;
      }
    }
    throw new AssertionError(what + ": wanted " + wanted.getSimpleName() + " among the causes", found);
  }
}
