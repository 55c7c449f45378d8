// A session and the clients that talk to it, for tests. What clients say goes through wire's encoder and decoder, and
// what they are told is decoded from the bytes that come out, so that a test speaks in messages and still checks real
// frames.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "session/session.h"
#include "wire/codec.h"
#include "wire/frame.h"

namespace torc::session {

// The transaction that the tests talk about, and what is often said about it.
inline const std::string xid = "127.0.0.1:8091:1001";

inline txn::PhaseTwo branch_commit(std::uint64_t branch, std::string resource, std::string client_id) {
  txn::PhaseTwo request;
  request.xid = {"127.0.0.1:8091", TransactionId{1001}};
  request.branch = BranchId{branch};
  request.attempt = 1;
  request.type = BranchType::tcc;
  request.resource = std::move(resource);
  request.client_id = std::move(client_id);
  request.application_data = "{}";
  return request;
}

inline txn::StatusAnswer commit_answer(GlobalStatus status) { return {txn::StatusAnswer::To::commit, {}, status}; }

inline wire::BranchRegister branch_of(const std::string& resource) {
  return {xid, BranchType::tcc, resource, "", "{}"};
}

// One frame that a client was sent.
struct Told {
  ConnectionId to;
  wire::FrameType type;
  std::uint8_t codec;
  std::int32_t id;
  wire::Message message;
};

// What one turn brought.
struct Turn {
  std::vector<txn::Request> requests;
  std::vector<Told> told;
  std::vector<Close> closed;
  std::vector<Flow> flow;
  std::vector<Elsewhere> elsewhere;
  std::vector<Registration> registrations;
  std::size_t sends = 0;

  // Nothing for clients, nothing for the machine.
  bool quiet() const {
    return requests.empty() && told.empty() && closed.empty() && flow.empty() && elsewhere.empty();
  }

  // The only frame of the turn, which must be a response under this id.
  template <class M>
  M response(std::int32_t id) const {
    EXPECT_EQ(told.size(), 1u);
    if (told.size() != 1) return {};
    EXPECT_EQ(told[0].type, wire::FrameType::response);
    EXPECT_EQ(told[0].id, id);
    return message<M>(0);
  }
  template <class M>
  M message(std::size_t n) const {
    EXPECT_LT(n, told.size());
    const M* found = n < told.size() ? std::get_if<M>(&told[n].message) : nullptr;
    EXPECT_NE(found, nullptr) << (n < told.size() ? wire::name(told[n].message) : "nothing");
    return found ? *found : M{};
  }
  template <class C>
  C command(std::size_t n = 0) const {
    EXPECT_LT(n, requests.size());
    const C* found = n < requests.size() ? std::get_if<C>(&requests[n].command) : nullptr;
    EXPECT_NE(found, nullptr);
    return found ? *found : C{};
  }
};

class Conversation {
 public:
  explicit Conversation(Options options = {}) : session(std::move(options)) {}

  ConnectionId connect(const std::string& peer) {
    const ConnectionId id{++last_connection_};
    session.opened(id, peer, now);
    return id;
  }
  void disconnect(ConnectionId c) { session.closed(c, now); }

  void say(ConnectionId c, std::int32_t id, const wire::Message& message,
           wire::FrameType type = wire::FrameType::request) {
    Bytes bytes;
    wire::encode(message, type, id, dialects_[c], bytes);
    say_bytes(c, bytes);
  }
  void say_bytes(ConnectionId c, ByteView bytes) {
    wire::FrameReader reader;
    reader.feed(bytes);
    while (true) {
      const auto frame = reader.next();
      ASSERT_TRUE(frame) << frame.error().message;
      if (!*frame) break;
      Result<wire::Message> message = wire::decode(**frame, dialects_[c]);
      ASSERT_TRUE(message) << message.error().message;
      session.received(c, {(*frame)->type, (*frame)->codec, (*frame)->id, *std::move(message)}, now);
    }
    EXPECT_EQ(reader.buffered(), 0u);
  }

  // What is taken is decoded as the client that registered with `version` would.
  Turn turn() {
    Turn turn;
    Output out = session.take_output();
    turn.requests = std::move(out.requests);
    turn.closed = std::move(out.close);
    turn.flow = std::move(out.flow);
    turn.elsewhere = std::move(out.elsewhere);
    turn.registrations = std::move(out.registrations);
    changes.insert(changes.end(), out.changes.begin(), out.changes.end());
    turn.sends = out.send.size();
    std::map<ConnectionId, int> sends_of;
    for (const Send& send : out.send) {
      EXPECT_EQ(++sends_of[send.to], 1) << "one Send per connection and turn";
      wire::FrameReader reader;
      reader.feed(send.bytes);
      while (true) {
        const auto frame = reader.next();
        EXPECT_TRUE(frame);
        if (!frame || !*frame) break;
        EXPECT_FALSE((*frame)->truncated);
        Result<wire::Message> message = wire::decode(**frame, dialects_[send.to]);
        EXPECT_TRUE(message) << message.error().message;
        if (!message) break;
        turn.told.push_back({send.to, (*frame)->type, (*frame)->codec, (*frame)->id, *std::move(message)});
      }
      EXPECT_EQ(reader.buffered(), 0u) << "whole frames only";
    }
    return turn;
  }

  void speaks(ConnectionId c, const std::string& version) { dialects_[c] = wire::Dialect::of(version); }

  // Connected and registered, with the registration's answer out of the way.
  ConnectionId tm(const std::string& peer, const std::string& application = "shop",
                  const std::string& version = "2.6.0") {
    const ConnectionId c = connect(peer);
    speaks(c, version);
    say(c, 1, wire::RegisterTm{version, application, "group", ""});
    turn().response<wire::RegisterTmResult>(1);
    return c;
  }
  ConnectionId rm(const std::string& peer, const std::string& resources, const std::string& application = "shop",
                  const std::string& version = "2.6.0") {
    const ConnectionId c = connect(peer);
    speaks(c, version);
    say(c, 1, wire::RegisterRm{version, application, "group", "", resources});
    turn().response<wire::RegisterRmResult>(1);
    return c;
  }

  void answer(txn::RequestKey key, txn::Answer answer) { session.answer({key, Lsn{}, std::move(answer)}, now); }
  void pass(Duration span) {
    now += span;
    session.tick(now);
  }

  Session session;
  Instant now{1h};
  std::vector<ClientChange> changes;  // for the other nodes, of all turns since somebody took them

 private:
  std::uint64_t last_connection_ = 0;
  std::map<ConnectionId, wire::Dialect> dialects_;
};

}  // namespace torc::session
