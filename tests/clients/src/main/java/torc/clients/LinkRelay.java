package torc.clients;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HashSet;
import java.util.Set;

/**
 * A link between two processes that can be cut: connections to its port go on to a target. While it is cut nothing
 * comes through, and both ends still believe to be connected, as with a network that loses every packet. What was sent
 * meanwhile comes through once it is healed, ends of connections too, as TCP repeats what was lost. A connection made
 * during a cut is accepted, stays silent, and is ended by healing: on a real network it had never come about.
 */
final class LinkRelay {
  private static final int CHUNK_BYTES = 64 * 1024;

  private final ServerSocket listener = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
  private final int target;
  private final Set<Socket> madeDuringCut = new HashSet<>();
  private boolean cut;

  LinkRelay(int target) throws IOException {
    this.target = target;
    start("accept", this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  synchronized void cut() {
    cut = true;
  }

  synchronized void heal() {
    cut = false;
    madeDuringCut.forEach(LinkRelay::end);
    madeDuringCut.clear();
    notifyAll();
  }

  private void accept() throws IOException {
    while (true) {
      Socket near = listener.accept();
      synchronized (this) {
        if (cut) {
          madeDuringCut.add(near);
          continue;
        }
      }
      Socket far = new Socket();
      try {
        far.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
        near.setTcpNoDelay(true);
        far.setTcpNoDelay(true);
      } catch (IOException refused) {
        end(near);
        continue;
      }
      start("there", () -> pass(near, far));
      start("back", () -> pass(far, near));
    }
  }

  /** One direction, to its end. It has at most one chunk in hand; while it is cut it keeps that and reads no more. */
  private void pass(Socket from, Socket to) throws InterruptedException {
    byte[] chunk = new byte[CHUNK_BYTES];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
        awaitHealed();
        out.write(chunk, 0, count);
      }
    } catch (IOException gone) {
      // the same as its end
    }
    awaitHealed();
    end(from);
    end(to);
  }

  private synchronized void awaitHealed() throws InterruptedException {
    while (cut) {
      wait();
    }
  }

  private static void end(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void start(String what, Cases.Body body) {
    Thread thread = new Thread(() -> {
      try {
        body.run();
      } catch (Throwable t) {
        throw new IllegalStateException(t);
      }
    }, "link-" + port() + "-" + what);
    thread.setDaemon(true);
    thread.start();
  }
}
