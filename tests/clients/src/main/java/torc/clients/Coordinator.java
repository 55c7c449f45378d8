package torc.clients;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The torcd process under test: started, killed without warning and started again on the same directory and ports.
 * Its output goes to torcd.log in the work directory, its process id to torcd.pid so that the runner can end it should
 * this program be killed.
 */
final class Coordinator {
  private static final Duration START_LIMIT = Duration.ofSeconds(15);

  private final Path program;
  private final Path work;
  private final int port;
  private final int httpPort;
  private Process process;

  Coordinator(Path program, Path work) throws IOException {
    this.program = program;
    this.work = work;
    this.port = freePort();
    this.httpPort = freePort();
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  /** Returns when the coordinator accepts connections. */
  void start() throws IOException, InterruptedException {
    process = new ProcessBuilder(List.of(program.toString(), "--dev", "--listen", address(), "--http",
            "127.0.0.1:" + httpPort, "--data", work.resolve("torcd").toString()))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()))
        .start();
    Files.writeString(work.resolve("torcd.pid"), Long.toString(process.pid()));
    long end = System.nanoTime() + START_LIMIT.toNanos();
    while (!accepts()) {
      if (!process.isAlive()) {
        throw new IOException("torcd ended at once with status " + process.exitValue() + ":\n" + lastLines());
      }
      if (System.nanoTime() > end) {
        throw new IOException("torcd does not accept connections on " + address() + ":\n" + lastLines());
      }
      Thread.sleep(10);
    }
  }

  /** kill -9, as when the machine loses its power: nothing is flushed, nobody is told. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** An orderly end (SIGTERM); a coordinator that does not follow is killed. */
  void stop() throws InterruptedException {
    if (process == null) {
      return;
    }
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }

  /** What the coordinator shows to operators of that transaction. */
  JsonNode shown(String xid) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + httpPort + "/v1/transactions/" + xid))
        .timeout(Duration.ofSeconds(5))
        .build();
    HttpResponse<String> response =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException(request.uri() + " answers " + response.statusCode() + " " + response.body());
    }
    return new ObjectMapper().readTree(response.body());
  }

  private Path log() {
    return work.resolve("torcd.log");
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

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
