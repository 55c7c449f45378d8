package torc.clients;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A process under test: started, killed without warning and started again with the same words. Its output goes to
 * NAME.log in the work directory, its process id to NAME.pid so that the runner can end it should this program be
 * killed.
 */
final class ServerProcess {
  private static final Duration START_LIMIT = Duration.ofSeconds(15);

  private final String name;
  private final Path work;
  private final int port;
  private final List<String> command;
  private Process process;

  /** @param port of 127.0.0.1, on which the process accepts connections once it is ready */
  ServerProcess(String name, Path work, int port, List<String> command) {
    this.name = name;
    this.work = work;
    this.port = port;
    this.command = command;
  }

  /** Returns when the process accepts connections. */
  void start() throws IOException, InterruptedException {
    process = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
        .start();
    Files.writeString(work.resolve(name + ".pid"), Long.toString(process.pid()));
    long end = System.nanoTime() + START_LIMIT.toNanos();
    while (!accepts()) {
      if (!process.isAlive()) {
        throw new IOException(name + " ended at once with status " + process.exitValue() + ":\n" + lastLines());
      }
      if (System.nanoTime() > end) {
        throw new IOException(name + " does not accept connections on port " + port + ":\n" + lastLines());
      }
      Thread.sleep(10);
    }
  }

  boolean isAlive() {
    return process != null && process.isAlive();
  }

  /** kill -9, as when the machine loses its power: nothing is flushed, nobody is told. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** An orderly end (SIGTERM); a process that does not follow is killed. */
  void stop() throws InterruptedException {
    if (process == null) {
      return;
    }
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private Path log() {
    return work.resolve(name + ".log");
  }

  private boolean accepts() {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private String lastLines() {
    try {
      List<String> lines = Files.readAllLines(log());
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
