// One TCP connection to one address, in one role, made again whenever it is lost.
//
//            start()                    answer                     any trouble
//     idle ----------> connecting --> registering --> ready -------------------.
//                          ^      any trouble |                                v
//                          '------------------+------------------------ waiting (Backoff)
//
// The protocol page, 3.1 and 3.2: nothing but the registration is sent before its answer; a connection on which nothing
// was written for a while sends a ping, one on which nothing was read is dropped.
//
// Everything happens on the network thread. Frames that are appended during one turn of that thread leave in one write.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <random>
#include <string>

#include "client/backoff.h"
#include "client/call_table.h"
#include "io/network.h"
#include "torc/options.h"
#include "wire/codec.h"

namespace torc::client {

// A transaction manager begins and ends transactions, a resource manager owns branches. Each has its own connection.
enum class Role { tm, rm };

class Connection;

// What a connection asks of, and tells, whoever owns it.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual wire::Message registration(const Connection& connection) = 0;
  virtual std::int32_t next_request_id() = 0;
  virtual void ready(Connection& connection) = 0;
  virtual void received(Connection& connection, std::int32_t id, wire::Message message) = 0;
  // Only after ready(). What was sent on it will not be answered on it.
  virtual void lost(Connection& connection, const std::string& reason) = 0;
  // An attempt that did not get as far as ready().
  virtual void unreachable(Connection& connection, const std::string& reason) = 0;
};

class Connection {
 public:
  // `number` is the owner's name for it, above 0. `options` and `random` outlive the connection.
  Connection(boost::asio::io_context& context, ConnectionOwner& owner, std::uint64_t number, Role role,
             io::Endpoint address, const ClientOptions& options, std::mt19937_64& random);

  void start();
  // Closes it for good, without telling the owner.
  void stop();

  // Appends one frame to what leaves at the end of this turn. Only when ready().
  void send(const wire::Message& message, wire::FrameType type, std::int32_t id);
  void send(ByteView frame);

  std::uint64_t number() const { return number_; }
  Role role() const { return role_; }
  const io::Endpoint& address() const { return address_; }
  bool ready() const { return state_ == State::ready; }
  // Handed to the kernel or nothing: false while bytes wait for it.
  bool flushed() const { return out_.empty(); }
  // "ip" of this end. Only while connected.
  std::string local_ip() const;

 private:
  enum class State { idle, connecting, registering, ready, waiting, stopped };

  void connect();
  void connected();
  void read();
  void consume(ByteView bytes);
  void consume(const wire::Frame& frame);
  void registered(const wire::Message& answer);
  void flush_later();
  void flush();
  void watch();
  // Ends the current socket, tells the owner, and tries again after a while.
  void drop(const std::string& reason);
  void close_socket();
  void trace(const std::string& event);

  boost::asio::io_context& context_;
  ConnectionOwner& owner_;
  const std::uint64_t number_;
  const Role role_;
  const io::Endpoint address_;
  const ClientOptions& options_;
  std::mt19937_64& random_;

  State state_ = State::idle;
  // Counts sockets: a handler that belongs to an earlier one finds another number and does nothing.
  std::uint64_t attempt_ = 0;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket socket_;
  // Of the attempt to connect and register, then of the silence on the connection, then of the wait for the next
  // attempt.
  boost::asio::steady_timer timer_;
  Backoff backoff_;
  wire::FrameReader reader_;
  wire::Dialect dialect_;
  std::int32_t registration_id_ = 0;
  TimePoint last_read_, last_write_;

  Bytes in_;
  Bytes out_;                   // frames in the order of send()
  std::size_t out_sent_ = 0;    // bytes of out_ that the kernel has
  bool flush_posted_ = false;   // a flush() is on its way to the end of this turn
  bool flush_blocked_ = false;  // the kernel's buffer is full; flush() comes when it has room
};

}  // namespace torc::client
