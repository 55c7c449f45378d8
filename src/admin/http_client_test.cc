// The client against a real server on loopback, against sockets that accept and say nothing or speak another protocol,
// and against a port where nobody listens.
#include "admin/http_client.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <thread>

#include "admin/test_server.h"

namespace torc::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

TEST(HttpClient, GetsAnAnswerWhateverItsStatus) {
  TestServer server([](HttpRequest request, HttpRespond respond) {
    respond({request.path == "/a b" ? 200u : 404u, "text/plain", request.path + request.headers["host"], {}});
  });
  const auto found = http_get(server.endpoint(), "/a%20b", 5s);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->status, 200u);
  EXPECT_EQ(found->content_type, "text/plain");
  EXPECT_EQ(found->body, "/a b" + server.endpoint().text());
  EXPECT_EQ(http_get({"localhost", server.endpoint().port}, "/x", 5s)->status, 404u);
}

TEST(HttpClient, PostsWithoutABody) {
  TestServer server([](HttpRequest request, HttpRespond respond) {
    respond({202, "text/plain", request.method + request.path + request.query["node"] + request.body +
                                    request.headers["content-length"], {}});
  });
  const auto answer = http_post(server.endpoint(), "/move?node=B", 5s);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 202u);
  EXPECT_EQ(answer->body, "POST/moveB0");
}

TEST(HttpClient, TellsAnAddressWhereNobodyListensFromOneThatSpeaksNoHttp) {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  const io::Endpoint endpoint{"127.0.0.1", acceptor.local_endpoint().port()};

  const auto silent = http_get(endpoint, "/", 100ms);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, Error::Kind::unavailable);
  EXPECT_EQ(silent.error().message, "no answer within 100 ms");

  std::thread other([&] {
    acceptor.accept();  // the one above
    tcp::socket socket = acceptor.accept();
    asio::write(socket, asio::buffer(std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n")));
    std::array<char, 1000> read;
    boost::system::error_code ignored;
    socket.read_some(asio::buffer(read), ignored);
  });
  const auto no_http = http_get(endpoint, "/", 5s);
  other.join();
  ASSERT_FALSE(no_http);
  EXPECT_EQ(no_http.error().kind, Error::Kind::invalid);

  acceptor.close();
  const auto refused = http_get(endpoint, "/", 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Error::Kind::unavailable);
  EXPECT_EQ(refused.error().message, "Connection refused");
}

}  // namespace
}  // namespace torc::admin
