package torc.clients;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Three torcd in two rooms, and a torc-control in a third place that keeps the control store:
 *
 * <pre>
 *     main room:   A ─── C        The link between two nodes is a relay in each direction, as each has a file of its
 *                   ╲   ╱         own that names the relays as the others' addresses. torc-control reaches all nodes,
 *     backup room:    B           and clients do, whatever is cut.
 * </pre>
 */
final class Ring {
  /** The control module moves a healthy ring in milliseconds; a new node must be heard for some seconds first (S3). */
  private static final Duration SETTLE_LIMIT = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(Ring.class);

  /**
   * More than a node's default: a machine that is busy with three nodes, an application and two databases holds a
   * process up for longer than that, and what is tried here are the faults that the cases make.
   */
  private static final Duration SUSPICION = Duration.ofMillis(1_200);

  /** What the control module shows: who leads which view, and whether it serves. */
  record View(long number, boolean serving, String primary, String backup) {}

  private static final class Node {
    final String name;
    final String room;
    final int peer = ServerProcess.freePort();
    final int clients = ServerProcess.freePort();
    final int http = ServerProcess.freePort();
    final Map<Node, LinkRelay> to = new LinkedHashMap<>();
    ServerProcess process;

    Node(String name, String room) throws IOException {
      this.name = name;
      this.room = room;
    }

    String clientsAddress() {
      return "127.0.0.1:" + clients;
    }

    String httpAddress() {
      return "127.0.0.1:" + http;
    }
  }

  private final List<Node> nodes;
  private final int controlPort = ServerProcess.freePort();
  private final ServerProcess control;

  /** @param programs the directory that holds torcd and torc-control */
  Ring(Path programs, Path work) throws IOException {
    nodes = List.of(new Node("A", "main"), new Node("B", "backup"), new Node("C", "main"));
    for (Node node : nodes) {
      for (Node other : nodes) {
        if (other != node) {
          node.to.put(other, new LinkRelay(other.peer));
        }
      }
      String own = """
          [node]
          name = "%s"
          data = "%s"
          listen = "%s"
          http = "%s"
          """.formatted(node.name, work.resolve(node.name), node.clientsAddress(), node.httpAddress());
      Path file = Files.writeString(work.resolve(node.name + ".toml"), own + cluster(node));
      node.process = new ServerProcess("torcd-" + node.name, work, node.clients,
          List.of(programs.resolve("torcd").toString(), "--config", file.toString()));
    }
    String own = """
        [control]
        name = "control"
        data = "%s"
        http = "%s"
        """.formatted(work.resolve("control"), controlAddress());
    Path file = Files.writeString(work.resolve("control.toml"), own + cluster(null));
    control = new ServerProcess("torc-control", work, controlPort,
        List.of(programs.resolve("torc-control").toString(), "--config", file.toString()));
  }

  /** The ring as that node sees it, or, if there is none, the control module. */
  private String cluster(Node seenBy) {
    StringBuilder text = new StringBuilder("""
        [cluster]
        name = "clients"
        store = ["%s"]
        suspicion_ms = %d
        """.formatted(controlAddress(), SUSPICION.toMillis()));
    for (Node node : nodes) {
      LinkRelay relay = seenBy == null ? null : seenBy.to.get(node);
      text.append("""
          [[cluster.node]]
          name = "%s"
          room = "%s"
          peer = "127.0.0.1:%d"
          clients = "%s"
          http = "%s"
          """.formatted(node.name, node.room, relay == null ? node.peer : relay.port(), node.clientsAddress(),
          node.httpAddress()));
    }
    return text.toString();
  }

  /** Returns when the ring serves with two copies in two rooms, and the third node follows. */
  void start() throws Exception {
    control.start();
    for (Node node : nodes) {
      node.process.start();
    }
    awaitSettled();
  }

  void stop() throws InterruptedException {
    for (Node node : nodes) {
      node.process.stop();
    }
    control.stop();
  }

  /** All nodes' addresses for transactions, as Seata's file mode wants them. */
  String clientAddresses() {
    return nodes.stream().map(Node::clientsAddress).collect(Collectors.joining(";"));
  }

  /** All nodes' addresses for HTTP, as Seata's raft mode wants them. */
  String httpAddresses() {
    return nodes.stream().map(Node::httpAddress).collect(Collectors.joining(","));
  }

  View view() throws IOException, InterruptedException {
    JsonNode shown = Http.get(controlAddress(), "/v1/ring");
    return new View(shown.path("view").asLong(), shown.path("state").asText().equals("serving"),
        shown.path("primary").asText(), shown.path("backup").asText(null));
  }

  /** Every node is heard of and close to the log's end, and the copies that count are in two rooms. */
  void awaitSettled() throws Exception {
    await("the ring has settled", () -> {
      View view = view();
      return view.serving && view.backup != null && !room(view.primary).equals(room(view.backup)) && allFollow();
    });
  }

  /** Returns when a view with another primary than that node serves. */
  View awaitServingOtherThan(String name) throws Exception {
    await("another primary than " + name, () -> view().serving && !view().primary.equals(name));
    return view();
  }

  private void await(String what, Expect.Look<Boolean> look) throws Exception {
    try {
      Expect.within(SETTLE_LIMIT, what, true, look);
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + "; " + Http.get(controlAddress(), "/v1/ring"), e);
    }
  }

  private boolean allFollow() throws IOException, InterruptedException {
    for (JsonNode node : Http.get(controlAddress(), "/v1/ring").path("nodes")) {
      if (node.path("heard_ms_ago").asLong(Long.MAX_VALUE) > 1_000
          || node.path("behind_ms").asLong(Long.MAX_VALUE) > 1_000) {
        return false;
      }
    }
    return true;
  }

  /** A planned takeover: returns when that node serves as primary. */
  void move(String name) throws Exception {
    log.info("to {} from {}", name, view());
    Http.post(controlAddress(), "/v1/ring/move?node=" + name);
    await("primary " + name, () -> view().serving && view().primary.equals(name));
  }

  /**
   * When another than that node was first told to clients as the primary, by any node that lives.
   *
   * @return a time of {@link System#nanoTime}
   */
  long awaitAnnouncedOtherThan(String name) throws Exception {
    String known = node(name).clientsAddress();
    await("another primary than " + name + " is announced", () -> {
      for (Node node : nodes) {
        if (node.process.isAlive() && !known.equals(announcedBy(node))) {
          return true;
        }
      }
      return false;
    });
    return System.nanoTime();
  }

  /** The address for transactions of whom that node calls the leader, the way Seata's raft mode asks for it. */
  private static String announcedBy(Node node) throws IOException, InterruptedException {
    for (JsonNode each : Http.get(node.httpAddress(), "/metadata/v1/cluster?group=default").path("nodes")) {
      if (each.path("role").asText().equals("LEADER")) {
        JsonNode transaction = each.path("transaction");
        return transaction.path("host").asText() + ":" + transaction.path("port").asInt();
      }
    }
    throw new IOException(node.name + " names no leader");
  }

  /** The ring has settled, and that node is primary. */
  void lead(String node) throws Exception {
    awaitSettled();
    if (!view().primary.equals(node)) {
      move(node);
      awaitSettled();
    }
  }

  /** That node dies without a word. */
  void kill(String name) throws InterruptedException {
    node(name).process.kill();
  }

  void restart(String name) throws IOException, InterruptedException {
    node(name).process.start();
  }

  /** Nothing goes any more between the nodes of different rooms. */
  void cutRooms() {
    betweenRooms().forEach(LinkRelay::cut);
  }

  void healRooms() {
    betweenRooms().forEach(LinkRelay::heal);
  }

  private List<LinkRelay> betweenRooms() {
    List<LinkRelay> found = new ArrayList<>();
    for (Node node : nodes) {
      node.to.forEach((other, relay) -> {
        if (!other.room.equals(node.room)) {
          found.add(relay);
        }
      });
    }
    return found;
  }

  private String room(String name) {
    return node(name).room;
  }

  private Node node(String name) {
    return nodes.stream().filter(node -> node.name.equals(name)).findFirst().orElseThrow();
  }

  private String controlAddress() {
    return "127.0.0.1:" + controlPort;
  }
}
