package torc.clients;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A torcd that is alone: killed without warning, and started again on the same directory and ports. */
final class Coordinator {
  private final int port;
  private final int httpPort;
  private final ServerProcess process;

  /** @param programs the directory that holds torcd */
  Coordinator(Path programs, Path work) throws IOException {
    port = ServerProcess.freePort();
    httpPort = ServerProcess.freePort();
    process = new ServerProcess("torcd", work, port, List.of(programs.resolve("torcd").toString(), "--dev", "--listen", address(),
        "--http", "127.0.0.1:" + httpPort, "--data", work.resolve("torcd").toString()));
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  void start() throws IOException, InterruptedException {
    process.start();
  }

  void kill() throws InterruptedException {
    process.kill();
  }

  void stop() throws InterruptedException {
    process.stop();
  }

  /** What the coordinator shows to operators of that transaction. */
  JsonNode shown(String xid) throws IOException, InterruptedException {
    return Http.get("127.0.0.1:" + httpPort, "/v1/transactions/" + xid);
  }
}
