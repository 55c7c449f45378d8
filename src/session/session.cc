#include "session/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "session/answers.h"
#include "session/contents.h"
#include "session/texts.h"
#include "wire/codec.h"

namespace torc::session {

// -- what goes out ----------------------------------------------------------------------------------------------------

void Session::Contents::step(Connection& from, AnswerPlace place, txn::Command command) {
  const std::uint64_t number = from.open.open(std::move(place));
  out.requests.push_back({{from.id, number}, std::move(command)});
  if (from.open.size() >= options.open_requests_max && !from.paused) {
    from.paused = true;
    out.flow.push_back({from.id, false});
  }
}

void Session::Contents::report(std::optional<txn::BranchResult> result) {
  if (result) out.requests.push_back({{}, *std::move(result)});
}

void Session::Contents::answer(Connection& to, std::uint64_t number, txn::Answer answer, Instant now) {
  const std::optional<AnswerPlace> place = to.open.take(number);
  if (!place) return;
  write(to, *place, wire_answer(std::move(answer), to.version));
  if (!to.paused) return;
  // It is not read from, so nothing else can show that it lives.
  alive(to, now);
  while (!to.waiting.empty() && to.open.size() < options.open_requests_max) {
    WaitingRequest next = std::move(to.waiting.front());
    to.waiting.pop_front();
    step(to, std::move(next.place), std::move(next.command));
  }
  if (to.waiting.empty() && to.open.size() <= options.open_requests_max / 2) {
    to.paused = false;
    out.flow.push_back({to.id, true});
  }
}

void Session::Contents::write(Connection& to, const AnswerPlace& place, wire::InnerMessage answer) {
  if (const auto* own = std::get_if<OwnFrame>(&place)) {
    wire::Message message = std::visit([](auto&& m) { return wire::Message(std::move(m)); }, std::move(answer));
    wire::encode(message, wire::FrameType::response, own->id, to.dialect, buffer(to));
    return;
  }
  const auto& [merged, member] = std::get<MemberOf>(place);
  merged->put(member, std::move(answer));
  if (merged->whole()) {
    wire::encode(merged->take(), wire::FrameType::response, merged->frame(), to.dialect, buffer(to));
  } else if (merged->ready() == 1) {
    // More of its answers may become ready in this turn: they share a frame.
    buffer(to);
    to.ready.push_back(merged);
  }
}

Bytes& Session::Contents::buffer(Connection& to) {
  constexpr std::size_t bytes_usual = 256;  // a few answers
  if (!to.to_be_written.is_linked()) {
    to_be_written.push_back(to);
    to.out.reserve(bytes_usual);
  }
  return to.out;
}

void Session::Contents::flush(Connection& connection) {
  for (const std::shared_ptr<MergedRequest>& merged : std::exchange(connection.ready, {})) {
    // Its last answers may have taken the first ones along.
    if (merged->ready() == 0) continue;
    wire::encode(merged->take(), wire::FrameType::response, merged->frame(), connection.dialect, connection.out);
  }
  if (!connection.out.empty()) out.send.push_back({connection.id, std::exchange(connection.out, {})});
  connection.to_be_written.unlink();
}

// -- connections ------------------------------------------------------------------------------------------------------

void Session::Contents::alive(Connection& connection, Instant now) {
  connection.alive_at = now;
  connection.by_alive_at.unlink();
  by_alive_at.push_back(connection);
}

void Session::Contents::close(Connection& connection, std::string reason, Instant now) {
  if (connection.to_be_written.is_linked()) flush(connection);
  out.close.push_back({connection.id, std::move(reason)});
  forget(connection, now);
}

void Session::Contents::forget(Connection& connection, Instant now) {
  registry.remove(connection);
  for (txn::BranchResult& unreachable :
       phase_two.connection_ended(connection.asked, now + options.branch_answer_within)) {
    report(std::move(unreachable));
  }
  if (connection.open.size() > 0) out.requests.push_back({{}, txn::ConnectionLost{connection.id}});
  connections.erase(connection.id);
}

// -- the session ------------------------------------------------------------------------------------------------------

Session::Session(Options options) : contents_(std::make_unique<Contents>(std::move(options))) {
  assert(contents_->options.open_requests_max > 0);
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::opened(ConnectionId id, std::string peer, Instant now) {
  const auto [place, is_new] = contents_->connections.try_emplace(id, id, std::move(peer));
  assert(is_new);
  contents_->alive(place->second, now);
}

void Session::received(ConnectionId id, Received frame, Instant now) {
  // After a fault the network may hand over what it had read by then.
  if (Connection* connection = contents_->find(id)) contents_->received(*connection, frame, now);
}

void Session::closed(ConnectionId id, Instant now) {
  if (Connection* connection = contents_->find(id)) contents_->forget(*connection, now);
}

void Session::answer(txn::Reply reply, Instant now) {
  if (Connection* to = contents_->find(reply.to.connection)) {
    contents_->answer(*to, reply.to.number, std::move(reply.answer), now);
  }
}

void Session::phase_two(txn::PhaseTwo request, Instant now) {
  Connection* to = contents_->registry.choose(request);
  if (to == nullptr || contents_->phase_two.full()) {
    const std::string reason = to == nullptr ? fmt::format("no resource manager is connected that serves {} for {}",
                                                           cut(request.resource), cut(request.client_id))
                                             : "too many phase-two requests are open";
    contents_->report(txn::BranchResult{request.xid.id, request.branch, request.attempt, request.commit,
                                        txn::BranchResult::Ending::unreachable, BranchStatus::unknown, reason});
    return;
  }
  const std::int32_t id =
      contents_->phase_two.ask(request, to->asked, now + contents_->options.branch_answer_within);
  wire::encode(wire_request(std::move(request)), wire::FrameType::request, id, to->dialect, contents_->buffer(*to));
}

void Session::tick(Instant now) {
  Contents& all = *contents_;
  while (!all.by_alive_at.empty() && all.by_alive_at.front().alive_at + all.options.idle_most <= now) {
    all.close(all.by_alive_at.front(), fmt::format("nothing read for {} ms", all.options.idle_most.count()), now);
  }
  for (txn::BranchResult& timed_out : all.phase_two.timed_out(now)) all.report(std::move(timed_out));
}

std::optional<Instant> Session::next_timer() const {
  std::optional<Instant> next = contents_->phase_two.next_timer();
  if (contents_->by_alive_at.empty()) return next;
  const Instant idle = contents_->by_alive_at.front().alive_at + contents_->options.idle_most;
  return next ? std::min(*next, idle) : idle;
}

Output Session::take_output() {
  while (!contents_->to_be_written.empty()) contents_->flush(contents_->to_be_written.front());
  return std::exchange(contents_->out, {});
}

std::vector<ConnectionView> Session::connections(std::size_t count) const {
  std::vector<const Connection*> in_order;
  in_order.reserve(contents_->connections.size());
  for (const Connection& connection : contents_->by_alive_at) in_order.push_back(&connection);
  count = std::min(count, in_order.size());
  std::ranges::partial_sort(in_order, in_order.begin() + static_cast<std::ptrdiff_t>(count), {}, &Connection::id);

  std::vector<ConnectionView> views;
  in_order.resize(count);
  for (const Connection* c : in_order) {
    views.push_back({c->id, c->peer, c->application, c->group, c->version_text, c->tm, c->rm,
                     {c->resources.begin(), c->resources.end()}, c->open.size()});
  }
  return views;
}

std::size_t Session::connection_count() const { return contents_->connections.size(); }

Counts Session::counts() const {
  return {contents_->connections.size(), contents_->registry.size(), contents_->phase_two.size()};
}

}  // namespace torc::session
