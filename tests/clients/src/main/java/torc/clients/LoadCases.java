package torc.clients;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Many transfers at once between few accounts, so that they meet. Every tenth fails, some lose the race for a lock;
 * in the end not a coin may be missing and no undo log left.
 */
final class LoadCases {
  private static final int THREADS = 8;
  private static final int ACCOUNTS = 10;
  private static final Duration TIME = Duration.ofSeconds(3);

  private final List<Bank> banks;

  LoadCases(List<Bank> banks) {
    this.banks = banks;
  }

  void run(Cases cases) {
    for (Bank bank : banks) {
      cases.run("AT books balance under load, " + bank.name(), () -> transfers(bank, bank));
    }
    cases.run("AT books balance under load, over two databases", () -> transfers(banks.get(0), banks.get(1)));
  }

  private static void transfers(Bank from, Bank to) throws Throwable {
    List<Integer> sources = open(from);
    List<Integer> targets = open(to);
    long parkedHere = from.database.undoLogs();  // of transactions that other cases have left for a person
    long parkedThere = to.database.undoLogs();
    AtomicInteger begun = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    AtomicInteger undone = new AtomicInteger();
    long end = System.nanoTime() + TIME.toNanos();
    List<CompletableFuture<Void>> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      threads.add(Async.run(() -> {
        while (System.nanoTime() < end) {
          try {
            Transactions.run("load", () -> {
              from.withdraw(Mode.AT, any(sources), 1);
              to.deposit(Mode.AT, any(targets), 1);
              if (begun.incrementAndGet() % 10 == 0) {
                throw new IllegalStateException("the tenth");
              }
            });
            done.incrementAndGet();
          } catch (Exception e) {
            undone.incrementAndGet();
          }
        }
      }));
    }
    for (CompletableFuture<Void> thread : threads) {
      thread.get(60, TimeUnit.SECONDS);
    }
    Expect.within(Bank.END_LIMIT, "undo logs", parkedHere, from.database::undoLogs);
    Expect.within(Bank.END_LIMIT, "undo logs", parkedThere, to.database::undoLogs);
    System.out.printf("        %d transfers committed, %d rolled back%n", done.get(), undone.get());
    Expect.equal("moved out", -(long) done.get(), sum(from, sources));
    Expect.equal("moved in", (long) done.get(), sum(to, targets));
    Expect.yes("some committed", done.get() > THREADS);
    Expect.yes("some rolled back", undone.get() > 0);
  }

  private static List<Integer> open(Bank bank) throws Exception {
    List<Integer> accounts = new ArrayList<>();
    for (int i = 0; i < ACCOUNTS; i++) {
      accounts.add(bank.open(0));
    }
    return accounts;
  }

  private static int any(List<Integer> accounts) {
    return accounts.get(ThreadLocalRandom.current().nextInt(accounts.size()));
  }

  private static long sum(Bank bank, List<Integer> accounts) throws Exception {
    long sum = 0;
    for (int account : accounts) {
      sum += bank.balance(account);
    }
    return sum;
  }
}
