package torc.clients;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs cases one after the other, prints a line for each and counts. Each case has a thread of its own: what Seata
 * binds to a thread ends with it, and a case that hangs is given up (and reported with where it hangs).
 */
final class Cases {
  interface Body {
    void run() throws Throwable;
  }

  private static final Logger log = LoggerFactory.getLogger(Cases.class);
  private static final Duration LIMIT = Duration.ofSeconds(90);

  private final String only;
  private int passed;
  private int failed;

  /** @param only a part of the names of those cases that shall run; empty: all */
  Cases(String only) {
    this.only = only;
  }

  int passed() {
    return passed;
  }

  int failed() {
    return failed;
  }

  /** Also asked for what a group of cases has in common: cases that build on one another run all or not at all. */
  boolean wants(String name) {
    return name.contains(only);
  }

  /** @return whether those cases may run that build on this one */
  boolean run(String name, Body body) {
    if (!wants(name)) {
      return false;
    }
    log.info("case {}", name);
    long start = System.nanoTime();
    Throwable failure = outcome(name, body);
    double seconds = (System.nanoTime() - start) / 1e9;
    if (failure == null) {
      passed++;
      System.out.printf("ok      %-62s %5.1f s%n", name, seconds);
    } else {
      failed++;
      log.error("FAILED {}", name, failure);
      System.out.printf("FAILED  %-62s %5.1f s%n        %s%n", name, seconds, failure);
      for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
        System.out.printf("        because %s%n", cause);
      }
    }
    System.out.flush();
    return failure == null;
  }

  private static Throwable outcome(String name, Body body) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    Thread thread = new Thread(() -> {
      try {
        body.run();
        done.complete(null);
      } catch (Throwable t) {
        done.completeExceptionally(t);
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
    try {
      done.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
      return null;
    } catch (ExecutionException e) {
      return e.getCause();
    } catch (TimeoutException e) {
      StackTraceElement[] stack = thread.getStackTrace();
      String ours = Cases.class.getPackageName() + ".";
      AssertionError hung = new AssertionError("no end after " + LIMIT.toSeconds() + " s; it hangs in "
          + Arrays.stream(stack).filter(frame -> frame.getClassName().startsWith(ours)).findFirst().orElse(null));
      hung.setStackTrace(stack);
      return hung;
    } catch (InterruptedException e) {
      return e;
    }
  }
}
