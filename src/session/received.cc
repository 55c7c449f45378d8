// What clients send: each message becomes a command, an answer, the end of a phase-two request, or a reason to close.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <concepts>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "session/answers.h"
#include "session/contents.h"
#include "session/requests.h"
#include "session/texts.h"
#include "wire/codec.h"

namespace torc::session {

namespace {

constexpr std::size_t codec_at = 10;  // in a frame

Error fault(std::string what) { return Error{std::move(what), Error::Kind::refused}; }

template <class M>
concept RegistrationMessage = std::same_as<M, wire::RegisterTm> || std::same_as<M, wire::RegisterRm>;
// What an RM says in phase two: an answer itself, so none is sent.
template <class M>
concept BranchResultMessage = std::same_as<M, wire::BranchCommitResult> || std::same_as<M, wire::BranchRollbackResult>;

bool is_answered(const wire::InnerMessage& member) {
  return std::visit([]<class M>(const M&) { return !BranchResultMessage<M>; }, member);
}

// How a message came, alone or as a member of a MergedWarp.
struct Origin {
  std::optional<std::int32_t> id;  // its own; members have none up to 1.4
  AnswerPlace answer_to;
  bool may_wait = true;
};

}  // namespace

// One frame of one connection. An error is a fault of the client, which ends the connection.
class Session::Contents::Incoming {
 public:
  Incoming(Contents& session, Connection& from, const Received& frame)
      : session_(session), from_(from), frame_(frame) {}

  Result<void> operator()(wire::Heartbeat&&);
  Result<void> operator()(wire::Truncated&&);
  Result<void> operator()(wire::Unknown&& unknown);
  Result<void> operator()(wire::MergedWarp&& warp);
  template <class M>
  Result<void> operator()(M&& message) {
    if (frame_.type == wire::FrameType::response && !BranchResultMessage<M>) {
      return fault(fmt::format("{} as the answer to a request", wire::name(wire::Message(message))));
    }
    return handle({frame_.id, OwnFrame{frame_.id}}, std::move(message));
  }

 private:
  template <class M>
  Result<void> handle(Origin origin, M&& message) {
    if constexpr (BranchResultMessage<M>) {
      // Without an id nothing tells which request it answers.
      if (origin.id) session_.report(session_.phase_two.answered(*origin.id, BranchAnswer::of(message)));
      return {};
    } else if constexpr (RegistrationMessage<M>) {
      return registration(origin, std::move(message));
    } else if constexpr (TransactionRequest<M>) {
      if (!from_.registered()) return fault(fmt::format("{} before registration", wire::name(wire::Message(message))));
      request(std::move(origin.answer_to), command(std::move(message), from_, origin.may_wait));
      return {};
    } else {
      return fault(fmt::format("{} from a client", wire::name(wire::Message(message))));
    }
  }

  void request(AnswerPlace place, CommandOrAnswer meaning);
  Result<void> registration(const Origin& origin, wire::RegisterTm registration);
  Result<void> registration(const Origin& origin, wire::RegisterRm registration);
  Result<void> name(std::string version, std::string application, std::string group);
  // What others are told of the connection, but for its resources.
  using Said = std::tuple<bool, bool, std::string>;
  Said said() const { return {from_.tm, from_.rm, from_.version_text}; }

  Contents& session_;
  Connection& from_;
  const Received& frame_;
};

Result<void> Session::Contents::Incoming::operator()(wire::Heartbeat&&) {
  if (frame_.type != wire::FrameType::heartbeat_request) return {};
  Bytes& out = session_.buffer(from_);
  const std::size_t start = out.size();
  wire::encode(wire::Heartbeat{}, wire::FrameType::heartbeat_response, frame_.id, from_.dialect, out);
  out[start + codec_at] = frame_.codec;  // the client's, whatever it is: there is no body
  return {};
}

Result<void> Session::Contents::Incoming::operator()(wire::Truncated&&) {
  // A request whose encoder failed is lost: nobody knows what it was.
  if (frame_.type == wire::FrameType::response) session_.report(session_.phase_two.answered_without_body(frame_.id));
  return {};
}

Result<void> Session::Contents::Incoming::operator()(wire::Unknown&& unknown) {
  // Later versions send some that need no answer (protocol, 2.2). One that waits learns from a closed connection.
  if (frame_.type != wire::FrameType::request) return {};
  return fault(fmt::format("request of unknown type {}", unknown.type_code));
}

Result<void> Session::Contents::Incoming::operator()(wire::MergedWarp&& warp) {
  if (frame_.type == wire::FrameType::response) return fault("MergedWarp as the answer to a request");
  if (warp.messages.empty()) return fault("MergedWarp without messages");
  const bool by_id = !warp.ids.empty();
  assert(!by_id || warp.ids.size() == warp.messages.size());
  const auto merged = std::make_shared<MergedRequest>(
      frame_.id, by_id ? MergedRequest::Kind::by_id : MergedRequest::Kind::in_order,
      static_cast<std::size_t>(std::ranges::count_if(warp.messages, is_answered)));

  std::int32_t place = 0;
  for (std::size_t i = 0; i < warp.messages.size(); ++i) {
    wire::InnerMessage& member = warp.messages[i];
    Origin origin;
    if (by_id) {
      origin = {warp.ids[i], MemberOf{merged, warp.ids[i]}, true};
    } else {
      // Answered as a whole: one that waits for a lock would keep the others waiting, perhaps those that free it.
      origin = {std::nullopt, MemberOf{merged, is_answered(member) ? place++ : 0}, false};
    }
    auto handle_member = [&](auto&& message) { return handle(std::move(origin), std::move(message)); };
    if (Result<void> handled = std::visit(handle_member, std::move(member)); !handled) return handled;
  }
  return {};
}

void Session::Contents::Incoming::request(AnswerPlace place, CommandOrAnswer meaning) {
  if (auto* refusal = std::get_if<txn::Answer>(&meaning)) {
    return session_.write(from_, place, wire_answer(std::move(*refusal), from_.version));
  }
  const Instant now = from_.alive_at;  // this frame is what was read last
  session_.arrived(from_, std::move(place), std::get<txn::Command>(std::move(meaning)), now);
}

Result<void> Session::Contents::Incoming::registration(const Origin& origin, wire::RegisterTm registration) {
  const Said before = said();
  Result<void> named =
      name(std::move(registration.version), std::move(registration.application), std::move(registration.group));
  if (!named) return named;
  from_.tm = true;
  session_.registry.registered(from_);
  if (said() != before) session_.announce(from_, {});
  session_.write(from_, origin.answer_to, wire::RegisterTmResult{true, session_.options.server_version});
  return {};
}

Result<void> Session::Contents::Incoming::registration(const Origin& origin, wire::RegisterRm registration) {
  const Said before = said();
  Result<void> named =
      name(std::move(registration.version), std::move(registration.application), std::move(registration.group));
  if (!named) return named;
  from_.rm = true;
  session_.registry.registered(from_);
  std::vector<std::string_view> added;
  for (std::string_view rest = registration.resources; !rest.empty();) {
    const std::string_view resource = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(resource.size() + 1, rest.size()));
    if (resource.empty()) continue;
    if (resource.size() > resource_bytes_max) {
      return fault(fmt::format("resource id of {} bytes, allowed are {}", resource.size(), resource_bytes_max));
    }
    if (session_.registry.add(from_, resource)) added.push_back(resource);
    if (from_.resources.size() > session_.options.resources_max) {
      return fault(fmt::format("more than {} resources", session_.options.resources_max));
    }
  }
  if (!added.empty() || said() != before) session_.announce(from_, added);
  session_.write(from_, origin.answer_to, wire::RegisterRmResult{true, session_.options.server_version});
  return {};
}

// One connection, one application: what is indexed by its name need never move.
Result<void> Session::Contents::Incoming::name(std::string version, std::string application, std::string group) {
  for (const std::string* text : {&version, &application, &group}) {
    if (text->size() > name_bytes_max) {
      return fault(fmt::format("registration with a name of {} bytes, allowed are {}", text->size(), name_bytes_max));
    }
  }
  if (from_.registered() && from_.application != application) {
    return fault(fmt::format("registration of {} on a connection of {}", application, from_.application));
  }
  from_.application = std::move(application);
  from_.group = std::move(group);
  from_.client_id = from_.application + ":" + from_.peer;
  // seata-go says two versions on one connection, and only its TM's tells it from a Java client (protocol, 7).
  if (from_.dialect.is_seata_go()) return {};
  from_.version = wire::Version::parse(version);
  from_.dialect = wire::Dialect::of(version);
  from_.version_text = std::move(version);
  return {};
}

void Session::Contents::received(Connection& from, Received& frame, Instant now) {
  alive(from, now);
  const Result<void> handled = std::visit(Incoming(*this, from, frame), std::move(frame.message));
  if (!handled) close(from, handled.error().message, now);
}

}  // namespace torc::session
