package torc.clients;

import java.util.concurrent.CompletableFuture;

/** Runs something on a thread of its own; what it throws is kept for whoever asks for the result. */
final class Async {
  interface Call<T> {
    T take() throws Throwable;
  }

  private Async() {}

  static <T> CompletableFuture<T> call(Call<T> call) {
    CompletableFuture<T> result = new CompletableFuture<>();
    Thread thread = new Thread(() -> {
      try {
        result.complete(call.take());
      } catch (Throwable t) {
        result.completeExceptionally(t);
      }
    });
    thread.setDaemon(true);
    thread.start();
    return result;
  }

  static CompletableFuture<Void> run(Cases.Body body) {
    return call(() -> {
      body.run();
      return null;
    });
  }
}
