// A server on a loopback socket, its io_context on a thread of its own, and clients that write bytes by hand, so that
// they can be wrong in every way. What a client reads back is compared as text; time-outs are set short and waited for.
#include "admin/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "admin/test_server.h"

namespace torc::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Client {
 public:
  explicit Client(const TestServer& server) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), server.endpoint().port});
  }

  Client& write(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have closed already: then reading tells
    asio::write(socket_, asio::buffer(bytes), ignored);
    return *this;
  }
  void end() { socket_.shutdown(tcp::socket::shutdown_send); }
  // Everything until the server closes.
  std::string read_all() {
    std::string all;
    boost::system::error_code problem;
    asio::read(socket_, asio::dynamic_buffer(all), problem);
    return all;
  }
  // One answer with a Content-Length.
  std::string read_answer() {
    while (true) {
      if (const auto header = read_.find("\r\n\r\n"); header != std::string::npos) {
        const auto length = read_.find("Content-Length: ");
        const std::size_t size = header + 4 + (length < header ? std::stoul(read_.substr(length + 16)) : 0);
        if (read_.size() >= size) {
          const std::string answer = read_.substr(0, size);
          read_.erase(0, size);
          return answer;
        }
      }
      std::array<char, 65536> chunk;
      boost::system::error_code problem;
      const std::size_t count = socket_.read_some(asio::buffer(chunk), problem);
      if (problem) return read_ + "<closed>";
      read_.append(chunk.data(), count);
    }
  }

 private:
  asio::io_context context_;
  tcp::socket socket_{context_};
  std::string read_;
};

void echo(HttpRequest request, HttpRespond respond) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) text += " " + name + "=" + value;
  respond({200, "text/plain", text + "\n" + request.body, {}});
}

TEST(HttpServer, AnswersARequest) {
  TestServer server(echo);
  Client client(server);
  client.write("GET /a%20b?x=1&y=%26 HTTP/1.1\r\nHost: here\r\n\r\n");
  const std::string answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /a b x=1 y=&\n"));
}

TEST(HttpServer, HandsOverHeadersInLowerCaseAndBodies) {
  TestServer server([](HttpRequest request, HttpRespond respond) {
    respond({201,
             "text/plain",
             request.method + request.headers["x-one"] + request.headers["host"] + request.body,
             {{"X-Two", "2"}}});
  });
  Client client(server);
  client.write("PUT / HTTP/1.1\r\nHost: h\r\nX-ONE: a\r\nx-one: b\r\nContent-Length: 3\r\n\r\nxyz");
  EXPECT_THAT(client.read_answer(),
              AllOf(StartsWith("HTTP/1.1 201 Created\r\n"), HasSubstr("X-Two: 2\r\n"), EndsWith("PUTa, bhxyz")));
  client.write("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("POSThabc"));
}

TEST(HttpServer, KeepsAConnectionForMoreRequests) {
  TestServer server(echo);
  Client client(server);
  for (int i = 0; i < 100; ++i) {
    client.write("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.read_answer(), EndsWith("GET /" + std::to_string(i) + "\n"));
  }
}

TEST(HttpServer, ClosesWhenTheClientAsksOrSpeaksHttp10) {
  TestServer server(echo);
  EXPECT_THAT(Client(server).write("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").read_all(),
              AllOf(HasSubstr("Connection: close\r\n"), EndsWith("GET /\n")));
  EXPECT_THAT(Client(server).write("GET / HTTP/1.0\r\n\r\n").read_all(),
              AllOf(StartsWith("HTTP/1.0 200"), EndsWith("GET /\n")));
}

TEST(HttpServer, AnswersAClientThatHasEndedItsSide) {
  TestServer server(echo);
  Client client(server);
  client.write("GET /last HTTP/1.1\r\nHost: h\r\n\r\n").end();
  EXPECT_THAT(client.read_all(), EndsWith("GET /last\n"));
}

TEST(HttpServer, AnswersPipelinedRequestsInTheirOrder) {
  // The first is answered last by its handler; the order on the connection is that of the requests.
  TestServer server([](HttpRequest request, HttpRespond respond) {
    std::thread([request = std::move(request), respond = std::move(respond)]() mutable {
      if (request.path == "/0") std::this_thread::sleep_for(50ms);
      echo(std::move(request), std::move(respond));
    }).detach();
  });
  Client client(server);
  std::string all;
  for (int i = 0; i < 500; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  client.write(all);
  for (int i = 0; i < 500; ++i) ASSERT_THAT(client.read_answer(), EndsWith("GET /" + std::to_string(i) + "\n"));
}

TEST(HttpServer, TakesARequestByteByByte) {
  TestServer server(echo);
  Client client(server);
  for (const char c : std::string("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"))
    client.write(std::string(1, c));
  EXPECT_THAT(client.read_answer(), EndsWith("POST /slow\nab"));
}

TEST(HttpServer, HeadIsGetWithoutTheBody) {
  TestServer server(echo);
  Client client(server);
  client.write("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string all = client.read_all();
  EXPECT_THAT(all, HasSubstr("Content-Length: 9\r\n"));  // of "GET /abc\n"
  EXPECT_THAT(all, Not(HasSubstr("/abc")));
  EXPECT_THAT(all, EndsWith("GET /\n"));
}

TEST(HttpServer, SaysContinueToAClientThatWaitsForIt) {
  TestServer server(echo);
  Client client(server);
  client.write("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.write("ab");
  EXPECT_THAT(client.read_answer(), EndsWith("POST /\nab"));
}

TEST(HttpServer, RefusesWhatIsNoHttpAndClosesTheConnection) {
  TestServer server(echo);
  for (const std::string garbage :
       {"\xda\xda\x01 garbage\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n\x01",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_THAT(Client(server).write(garbage).read_all(), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << garbage;
  }
  EXPECT_THAT(Client(server).write("GET /%zz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").read_all(),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("hex digits")));
}

TEST(HttpServer, RefusesWhatIsTooLarge) {
  HttpServerOptions options;
  options.request_bytes_max = 1000;
  options.header_bytes_max = 2000;
  TestServer server(echo, options);
  EXPECT_THAT(Client(server).write("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n").read_all(),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Client(server).write("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n").read_all(),
              StartsWith("HTTP/1.1 4"));
  // The client is still sending when it is refused, and reads the answer all the same.
  EXPECT_THAT(Client(server)
                  .write("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(0xfff, 'x'))
                  .read_all(),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Client(server).write("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x')).read_all(),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Client(server).write("GET /" + std::string(100'000, 'x')).read_all(), StartsWith("HTTP/1.1 431"));
  Client client(server);
  client.write("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, SurvivesRandomBytes) {
  TestServer server(echo);
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = i % 2 == 0 ? "GET /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde" : "";
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    for (std::size_t n = 1 + random() % 200; n > 0; --n)
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), static_cast<char>(random()));
    Client client(server);
    client.write(bytes).end();
    client.read_all();
  }
  Client client(server);
  client.write("GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("GET /alive\n"));
}

TEST(HttpServer, AnswersForAHandlerThatDropsItsRespond) {
  TestServer server([](HttpRequest, HttpRespond) {});
  Client client(server);
  for (int i = 0; i < 2; ++i) {
    client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.read_answer(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("dropped")));
  }
}

TEST(HttpServer, StatusZeroClosesTheConnectionWithoutAWord) {
  TestServer server([](HttpRequest, HttpRespond respond) { respond({0, "", "", {}}); });
  Client client(server);
  EXPECT_EQ(client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_all(), "");
}

TEST(HttpServer, A304HasNoBody) {
  TestServer server([](HttpRequest request, HttpRespond respond) {
    respond({request.path == "/same" ? 304u : 200u, "text/plain", "", {}});
  });
  Client client(server);
  const std::string both = client.write("POST /same HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
                                        "GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                               .read_all();
  EXPECT_THAT(both, AllOf(StartsWith("HTTP/1.1 304 Not Modified\r\n"), HasSubstr("\r\n\r\nHTTP/1.1 200 OK\r\n")));
}

TEST(HttpServer, OnlyTheFirstAnswerCounts) {
  TestServer server([](HttpRequest, HttpRespond respond) {
    respond({200, "text/plain", "first", {}});
    respond({200, "text/plain", "second", {}});
  });
  Client client(server);
  for (int i = 0; i < 10; ++i) {
    client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.read_answer(), EndsWith("first"));
  }
}

TEST(HttpServer, AnAnswerMayComeFromAnyThreadAndLater) {
  std::atomic<int> handled = 0;
  TestServer server([&](HttpRequest request, HttpRespond respond) {
    std::thread([&handled, request = std::move(request), respond = std::move(respond)]() mutable {
      std::this_thread::sleep_for(std::chrono::microseconds(100 * (handled++ % 7)));
      echo(std::move(request), respond);
    }).detach();
  });
  std::vector<std::future<void>> clients;
  for (int c = 0; c < 8; ++c) {
    clients.push_back(std::async(std::launch::async, [&, c] {
      Client client(server);
      for (int i = 0; i < 50; ++i) {
        const std::string path = "/" + std::to_string(c) + "/" + std::to_string(i);
        client.write("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
        ASSERT_THAT(client.read_answer(), EndsWith("GET " + path + "\n"));
      }
    }));
  }
  for (auto& client : clients) client.get();
}

// Handlers' promises, kept until the test lets them go.
struct Kept {
  void keep(HttpRespond respond) {
    const std::lock_guard guard(mutex);
    all.push_back(std::move(respond));
    count = all.size();
  }
  void wait_for(std::size_t wanted) const {
    while (count < wanted) std::this_thread::sleep_for(1ms);
  }
  std::mutex mutex;
  std::vector<HttpRespond> all;
  std::atomic<std::size_t> count = 0;
};

TEST(HttpServer, AnAnswerAfterTheClientLeftIsLostQuietly) {
  Kept kept;
  TestServer server([&](HttpRequest request, HttpRespond respond) {
    request.path == "/keep" ? kept.keep(std::move(respond)) : echo(std::move(request), std::move(respond));
  });
  for (int i = 0; i < 20; ++i) Client(server).write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  kept.wait_for(20);
  for (auto& respond : kept.all) respond({200, "text/plain", std::string(100'000, 'x'), {}});
  kept.all.clear();
  Client client(server);
  client.write("GET /alive HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("GET /alive\n"));
}

TEST(HttpServer, ARespondMayOutliveTheServer) {
  Kept kept;
  auto server =
      std::make_optional<TestServer>([&](HttpRequest, HttpRespond respond) { kept.keep(std::move(respond)); });
  Client client(*server), other(*server);
  client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  other.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  kept.wait_for(2);
  server.reset();
  EXPECT_EQ(client.read_all(), "");
  kept.all[0]({});
  kept.all.clear();
}

TEST(HttpServer, AHandlerThatTakesTooLongIsAnsweredFor) {
  HttpServerOptions options;
  options.answer_within = 50ms;
  Kept kept;
  TestServer server([&](HttpRequest, HttpRespond respond) { kept.keep(std::move(respond)); }, options);
  Client client(server);
  client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_all(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("in time")));
  kept.all[0]({200, "text/plain", "too late", {}});
}

TEST(HttpServer, ClientsThatSendNoWholeRequestAreClosed) {
  HttpServerOptions options;
  options.idle_most = 100ms;
  TestServer server(echo, options);
  const auto started = std::chrono::steady_clock::now();
  Client silent(server), in_header(server), in_body(server), after(server), trickling(server);
  in_header.write("GET / HTTP/1.1\r\nHo");
  in_body.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  after.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(in_header.read_all(), "");
  EXPECT_EQ(in_body.read_all(), "");
  EXPECT_THAT(after.read_all(), EndsWith("GET /\n"));
  EXPECT_GE(std::chrono::steady_clock::now() - started, 100ms);
  // A byte now and then does not buy more time.
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      trickling.write("G");
      std::this_thread::sleep_for(20ms);
    }
  });
  EXPECT_EQ(trickling.read_all(), "");
  writer.join();
  EXPECT_LT(std::chrono::steady_clock::now() - started, 5s);
}

TEST(HttpServer, AClientThatReadsNoAnswerIsClosed) {
  HttpServerOptions options;
  options.idle_most = 100ms;
  TestServer server(
      [&](HttpRequest, HttpRespond respond) { respond({200, "text/plain", std::string(64'000'000, 'x'), {}}); },
      options);
  Client client(server);
  client.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(400ms);
  EXPECT_LT(client.read_all().size(), 64'000'000u);
}

TEST(HttpServer, RefusesConnectionsBeyondItsBound) {
  HttpServerOptions options;
  options.connections_max = 16;
  TestServer server(echo, options);
  std::deque<Client> kept;
  for (int i = 0; i < 16; ++i) {
    kept.emplace_back(server).write("GET /in HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_THAT(kept.back().read_answer(), EndsWith("GET /in\n"));
  }
  for (int i = 0; i < 3'000; ++i) {
    const std::string answer =
        Client(server).write("GET /out HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").read_all();
    ASSERT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 503")) << answer;
  }
  // Those that are in are served on, and a place that becomes free is given away.
  kept.back().write("GET /still HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(kept.back().read_answer(), EndsWith("GET /still\n"));
  kept.pop_back();
  std::string answer;
  for (int i = 0; i < 500 && !answer.starts_with("HTTP/1.1 200"); ++i) {
    answer = Client(server).write("GET /new HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").read_all();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_THAT(answer, EndsWith("GET /new\n"));
}

TEST(HttpServer, StopsWhileClientsAreInEveryState) {
  for (int round = 0; round < 20; ++round) {
    Kept kept;
    TestServer server([&](HttpRequest request, HttpRespond respond) {
      request.path == "/keep" ? kept.keep(std::move(respond))
                              : respond({200, "text/plain", std::string(10'000'000, 'x'), {}});
    });
    Client idle(server), in_header(server), waiting(server), not_reading(server), refused(server);
    in_header.write("GET ");
    waiting.write("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    not_reading.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    refused.write("garbage\r\n\r\n");
    kept.wait_for(1);
    std::thread late([&] { kept.all[0]({}); });
    server.stop();
    late.join();
    idle.read_all();
  }
}

TEST(HttpServer, AnAddressInUseIsAnError) {
  TestServer server(echo);
  asio::io_context context;
  HttpServer second(context, echo, {});
  const auto listening = second.listen(server.endpoint());
  ASSERT_FALSE(listening);
  EXPECT_THAT(listening.error().message, HasSubstr("cannot listen on 127.0.0.1:"));
}

}  // namespace
}  // namespace torc::admin
