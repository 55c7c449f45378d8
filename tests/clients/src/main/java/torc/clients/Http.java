package torc.clients;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** What operators ask: JSON over HTTP. */
final class Http {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(2)).build();

  private Http() {}

  static JsonNode get(String server, String path) throws IOException, InterruptedException {
    return answer(HttpRequest.newBuilder(uri(server, path)).timeout(Duration.ofSeconds(5)).build());
  }

  static JsonNode post(String server, String path) throws IOException, InterruptedException {
    return answer(HttpRequest.newBuilder(uri(server, path)).timeout(Duration.ofSeconds(5))
        .POST(HttpRequest.BodyPublishers.noBody()).build());
  }

  private static URI uri(String server, String path) {
    return URI.create("http://" + server + path);
  }

  private static JsonNode answer(HttpRequest request) throws IOException, InterruptedException {
    HttpResponse<String> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() / 100 != 2) {
      throw new IOException(request.uri() + " answers " + response.statusCode() + " " + response.body());
    }
    return new ObjectMapper().readTree(response.body());
  }
}
