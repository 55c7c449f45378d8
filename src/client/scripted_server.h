// For tests: a coordinator on a real socket that does as it is told. It speaks through the wire's codec, keeps what it
// was sent, and answers as a healthy coordinator would unless the test's script takes a message for itself.
#pragma once

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "wire/codec.h"

namespace torc::client {

class ScriptedServer {
 public:
  struct Received {
    std::uint64_t connection = 0;  // counts from 1
    wire::FrameType type = wire::FrameType::request;
    std::int32_t id = 0;
    wire::Message message;
    std::uint64_t chunk = 0;  // counts the reads of the whole server
  };
  // True if the script has dealt with it. Called on the server's thread, where answer() and the like may be used.
  using Script = std::function<bool(ScriptedServer&, const Received&)>;

  explicit ScriptedServer(Script script = {}, std::uint16_t port = 0)
      : script_(std::move(script)), acceptor_(context_) {
    const boost::asio::ip::tcp::endpoint here(boost::asio::ip::make_address("127.0.0.1"), port);
    acceptor_.open(here.protocol());
    acceptor_.set_option(boost::asio::ip::tcp::acceptor::reuse_address(true));
    acceptor_.bind(here);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }

  ~ScriptedServer() {
    context_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // -- on any thread ------------------------------------------------------------------------------------------------

  std::vector<Received> received() {
    const std::lock_guard guard(mutex_);
    return received_;
  }
  template <class M>
  std::vector<M> all() {
    std::vector<M> found;
    for (const Received& r : received()) {
      if (const M* message = std::get_if<M>(&r.message)) found.push_back(*message);
    }
    return found;
  }
  // False if `count` messages of that kind have not come within five seconds.
  template <class M>
  bool wait_for(std::size_t count) {
    return wait_until([&] { return count_locked<M>() >= count; });
  }
  // In how many reads messages of that kind came: requests that were written together are read together.
  template <class M>
  std::size_t chunks_with() {
    std::vector<std::uint64_t> chunks;
    for (const Received& r : received()) {
      if (std::holds_alternative<M>(r.message)) chunks.push_back(r.chunk);
    }
    std::sort(chunks.begin(), chunks.end());
    return static_cast<std::size_t>(std::unique(chunks.begin(), chunks.end()) - chunks.begin());
  }
  bool wait_until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(5), condition);
  }
  // Closes every connection; new ones are accepted.
  void drop_connections() {
    on_thread([this] {
      for (auto& [number, connection] : connections_) connection->socket.close();
      connections_.clear();
    });
  }
  void send_from_outside(std::uint64_t connection, const wire::Message& message, wire::FrameType type,
                         std::int32_t id) {
    on_thread([&] { send(connection, message, type, id); });
  }
  // The newest connection that registered as RM; 0 if none.
  std::uint64_t rm_connection() {
    std::uint64_t newest = 0;
    for (const Received& r : received()) {
      if (std::holds_alternative<wire::RegisterRm>(r.message)) newest = std::max(newest, r.connection);
    }
    return newest;
  }

  // -- on the server's thread ---------------------------------------------------------------------------------------

  void send(std::uint64_t connection, const wire::Message& message, wire::FrameType type, std::int32_t id) {
    Bytes frame;
    wire::encode(message, type, id, {}, frame);
    send_bytes(connection, frame);
  }
  void send_bytes(std::uint64_t connection, const Bytes& bytes) {
    const auto found = connections_.find(connection);
    boost::system::error_code ignored;
    if (found != connections_.end()) boost::asio::write(found->second->socket, boost::asio::buffer(bytes), ignored);
  }
  void answer(const Received& request, const wire::Message& message) {
    send(request.connection, message, wire::FrameType::response, request.id);
  }
  void close(std::uint64_t connection) {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    found->second->socket.close();
    connections_.erase(found);
  }
  // What a healthy coordinator answers; none for what is no request.
  std::optional<wire::Message> default_answer(const wire::Message& message) {
    if (std::holds_alternative<wire::RegisterTm>(message)) return wire::RegisterTmResult{true, "2.6.0"};
    if (std::holds_alternative<wire::RegisterRm>(message)) return wire::RegisterRmResult{true, "2.6.0"};
    if (std::holds_alternative<wire::GlobalBegin>(message)) {
      return wire::GlobalBeginResult{{}, address() + ":" + std::to_string(++last_id_), ""};
    }
    if (std::holds_alternative<wire::GlobalCommit>(message)) {
      return wire::GlobalCommitResult{{}, GlobalStatus::committed};
    }
    if (std::holds_alternative<wire::GlobalRollback>(message)) {
      return wire::GlobalRollbackResult{{}, GlobalStatus::rollbacked};
    }
    if (std::holds_alternative<wire::GlobalStatusQuery>(message)) {
      return wire::GlobalStatusResult{{}, GlobalStatus::begin};
    }
    if (std::holds_alternative<wire::BranchRegister>(message)) return wire::BranchRegisterResult{{}, ++last_id_};
    if (std::holds_alternative<wire::BranchReport>(message)) return wire::BranchReportResult{};
    if (std::holds_alternative<wire::GlobalLockQuery>(message)) return wire::GlobalLockQueryResult{{}, true};
    return std::nullopt;
  }

 private:
  struct Connection {
    explicit Connection(boost::asio::ip::tcp::socket socket) : socket(std::move(socket)) {}
    boost::asio::ip::tcp::socket socket;
    wire::FrameReader reader;
    Bytes chunk = Bytes(64 * 1024);
  };

  template <class M>
  std::size_t count_locked() const {
    return static_cast<std::size_t>(std::count_if(
        received_.begin(), received_.end(), [](const Received& r) { return std::holds_alternative<M>(r.message); }));
  }

  void on_thread(const std::function<void()>& task) {
    std::promise<void> done;
    boost::asio::post(context_, [&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code problem, boost::asio::ip::tcp::socket socket) {
      if (problem) return;
      socket.set_option(boost::asio::ip::tcp::no_delay(true), problem);
      const std::uint64_t number = ++last_connection_;
      const auto connection = std::make_shared<Connection>(std::move(socket));
      connections_.emplace(number, connection);
      read(number, connection);
      accept();
    });
  }

  void read(std::uint64_t number, const std::shared_ptr<Connection>& connection) {
    connection->socket.async_read_some(
        boost::asio::buffer(connection->chunk),
        [this, number, connection](boost::system::error_code problem, std::size_t count) {
          if (problem) {
            connections_.erase(number);
            return;
          }
          const std::uint64_t chunk = ++last_chunk_;
          connection->reader.feed(ByteView(connection->chunk).first(count));
          while (true) {
            const auto frame = connection->reader.next();
            if (!frame.ok()) return close(number);
            if (!*frame) break;
            auto message = wire::decode(**frame);
            if (!message.ok()) return close(number);
            take({number, (*frame)->type, (*frame)->id, *std::move(message), chunk});
          }
          read(number, connection);
        });
  }

  void take(const Received& request) {
    {
      const std::lock_guard guard(mutex_);
      received_.push_back(request);
    }
    changed_.notify_all();
    if (script_ && script_(*this, request)) return;
    if (request.type == wire::FrameType::heartbeat_request) {
      return send(request.connection, wire::Heartbeat{}, wire::FrameType::heartbeat_response, request.id);
    }
    if (const auto message = default_answer(request.message)) answer(request, *message);
  }

  const Script script_;
  boost::asio::io_context context_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_chunk_ = 0;
  std::int64_t last_id_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Received> received_;
  std::thread thread_;
};

}  // namespace torc::client
