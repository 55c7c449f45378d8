#include "session/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "session/answers.h"
#include "session/client_id.h"
#include "session/contents.h"
#include "session/texts.h"
#include "wire/codec.h"

namespace torc::session {

namespace {

constexpr const char* phase_two_full = "too many phase-two requests are open";

// Appends what tells another node of this client and these resources, in pieces of a bearable size.
void append_updates(const Connection& client, const std::vector<std::string_view>& resources,
                    std::vector<ClientChange>& out) {
  auto next = resources.begin();
  do {
    const auto count = std::min<std::ptrdiff_t>(resources.end() - next, resources_per_change);
    out.push_back(ClientUpdated{client.id, client.tm, client.rm, client.application, client.peer, client.version_text,
                                {next, next + count}});
    next += count;
  } while (next != resources.end());
}

}  // namespace

// -- requests of clients ----------------------------------------------------------------------------------------------

void Session::Contents::arrived(Connection& from, AnswerPlace place, txn::Command command, Instant now) {
  ClientRequest request;
  request.from = &from;
  request.place = std::move(place);
  request.received_at = now;
  request.command = std::move(command);
  if (from.open.size() < options.open_requests_max) return open(from, request);
  // What the network had read before the pause reached it, or the rest of a large MergedWarp.
  ClientRequest& waiting = from.waiting.emplace_back(std::move(request));
  if (options.keep_requests) by_arrival.push_back(waiting);
}

void Session::Contents::open(Connection& from, ClientRequest& arrived) {
  ClientRequest& request = from.open.open();
  request.from = &from;
  request.place = std::move(arrived.place);
  request.received_at = arrived.received_at;
  if (options.keep_requests) {
    request.command = arrived.command;
    // One that waited keeps its place among all.
    const bool waited = arrived.by_arrival.is_linked();
    by_arrival.insert(waited ? by_arrival.iterator_to(arrived) : by_arrival.end(), request);
  }
  out.requests.push_back({{from.id, request.number, options.entry}, *std::move(arrived.command), from.open.handled()});
  if (from.open.size() >= options.open_requests_max && !from.paused) {
    from.paused = true;
    out.flow.push_back({from.id, false});
  }
}

void Session::Contents::answer(Connection& to, std::uint64_t number, txn::Answer answer, Instant now) {
  const std::optional<AnswerPlace> place = to.open.take(number);
  if (!place) return;
  write(to, *place, wire_answer(std::move(answer), to.version));
  // It is not read from, so nothing else can show that it lives.
  if (to.paused) alive(to, now);
  refill(to);
}

void Session::Contents::refill(Connection& of) {
  if (!of.paused) return;
  while (!of.waiting.empty() && of.open.size() < options.open_requests_max) {
    open(of, of.waiting.front());
    of.waiting.pop_front();
  }
  if (of.waiting.empty() && of.open.size() <= options.open_requests_max / 2) {
    of.paused = false;
    out.flow.push_back({of.id, true});
  }
}

// Design, section 5: without a word. An answer would have to be "failed", which a TM believes (protocol, surprise 5),
// while the request may well have been carried out.
void Session::Contents::drop_overdue(Instant now) {
  std::vector<Connection*> have_room;
  while (!by_arrival.empty() && by_arrival.front().received_at + options.hold_most <= now) {
    const ClientRequest& overdue = by_arrival.front();
    Connection& from = *overdue.from;
    if (overdue.number == 0) {
      assert(&from.waiting.front() == &overdue);
      from.waiting.pop_front();
    } else {
      from.open.take(overdue.number);
    }
    if (have_room.empty() || have_room.back() != &from) have_room.push_back(&from);
  }
  // Only now, so that none is asked whose time is up as well.
  for (Connection* connection : have_room) refill(*connection);
}

// -- what goes out ----------------------------------------------------------------------------------------------------

void Session::Contents::report(std::optional<txn::BranchResult> result) {
  if (result) out.requests.push_back({{}, *std::move(result), 0});
}

void Session::Contents::report_unreachable(const txn::PhaseTwo& request, std::string reason) {
  report(txn::BranchResult{request.xid.id, request.branch, request.attempt, request.commit,
                           txn::BranchResult::Ending::unreachable, BranchStatus::unknown, std::move(reason)});
}

void Session::Contents::announce(const Connection& client, const std::vector<std::string_view>& resources) {
  const std::size_t first = out.changes.size();
  append_updates(client, resources, out.changes);
  const std::string ip(ClientId::parse(client.client_id).ip);
  for (std::size_t i = first; i < out.changes.size(); ++i) {
    const auto& update = std::get<ClientUpdated>(out.changes[i]);
    out.registrations.push_back({update.application, ip, update.version, update.resources});
  }
}

void Session::Contents::ask_here(Connection* to, txn::PhaseTwo request, Instant now) {
  if (to == nullptr) {
    return report_unreachable(request, fmt::format("no resource manager is connected that serves {} for {}",
                                                   cut(request.resource), cut(request.client_id)));
  }
  if (phase_two.full()) return report_unreachable(request, phase_two_full);
  const std::int32_t id = phase_two.ask(request, to->asked, now + options.branch_answer_within);
  wire::encode(wire_request(std::move(request)), wire::FrameType::request, id, to->dialect, buffer(*to));
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
  // In place: moved into a variant, GCC 12 takes the other alternatives' strings for uninitialized.
  if (connection.registered()) out.changes.emplace_back().emplace<ClientGone>(ClientGone{connection.id});
  for (txn::BranchResult& unreachable :
       phase_two.ended(connection.asked, "the resource manager's connection ended before it answered",
                       now + options.branch_answer_within)) {
    report(std::move(unreachable));
  }
  // In a ring the names of its last requests are remembered until this is heard (T3).
  const bool owed = connection.open.size() > 0;
  if (owed || (options.keep_requests && connection.open.last_number() > 0)) {
    out.requests.push_back({{}, txn::ConnectionLost{connection.id, options.entry}, 0});
  }
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
  if (reply.to.entry != contents_->options.entry) return;
  if (Connection* to = contents_->find(reply.to.connection)) {
    contents_->answer(*to, reply.to.number, std::move(reply.answer), now);
  }
}

std::vector<txn::Request> Session::unanswered() const {
  std::vector<txn::Request> requests;
  for (const ClientRequest& request : contents_->by_arrival) {
    if (request.number == 0) continue;
    const Connection& from = *request.from;
    requests.push_back({{from.id, request.number, contents_->options.entry}, *request.command, from.open.handled()});
  }
  return requests;
}

void Session::phase_two(txn::PhaseTwo request, Instant now, const KnownOwners* known) {
  Contents& all = *contents_;
  const Client* to = all.registry.choose(request, known);
  if (to == nullptr || to->node == nullptr) {
    return all.ask_here(to == nullptr ? nullptr : all.find(to->id), std::move(request), now);
  }
  if (all.phase_two.full()) return all.report_unreachable(request, phase_two_full);
  all.phase_two.ask_elsewhere(request, *all.elsewhere.asked_of(*to->node), now + all.options.branch_answer_within);
  request.client_id = to->client_id;
  all.out.elsewhere.push_back({*to->node, std::move(request)});
}

void Session::phase_two_here(txn::PhaseTwo request, Instant now) {
  const Client* to = contents_->registry.choose_here(request);
  contents_->ask_here(to == nullptr ? nullptr : contents_->find(to->id), std::move(request), now);
}

void Session::branch_result(txn::BranchResult result) {
  contents_->report(contents_->phase_two.heard_elsewhere(std::move(result)));
}

void Session::elsewhere(std::string_view node, const std::vector<ClientChange>& changes) {
  for (const ClientChange& change : changes) contents_->elsewhere.apply(node, change);
}

void Session::node_lost(std::string_view node, Instant now) {
  Contents& all = *contents_;
  if (AskedThere* asked = all.elsewhere.asked_of(node)) {
    for (txn::BranchResult& unreachable :
         all.phase_two.ended(*asked, fmt::format("node {} was lost before the resource manager answered", node),
                             now + all.options.branch_answer_within)) {
      all.report(std::move(unreachable));
    }
  }
  all.elsewhere.forget(node);
}

std::vector<ClientChange> Session::all_clients() const {
  std::vector<ClientChange> changes{ClientsReset{}};
  for (const Connection& connection : contents_->by_alive_at) {
    if (!connection.registered()) continue;
    append_updates(connection, {connection.resources.begin(), connection.resources.end()}, changes);
  }
  return changes;
}

void Session::tick(Instant now) {
  Contents& all = *contents_;
  while (!all.by_alive_at.empty() && all.by_alive_at.front().alive_at + all.options.idle_most <= now) {
    all.close(all.by_alive_at.front(), fmt::format("nothing read for {} ms", all.options.idle_most.count()), now);
  }
  all.drop_overdue(now);
  for (txn::BranchResult& timed_out : all.phase_two.timed_out(now)) all.report(std::move(timed_out));
}

std::optional<Instant> Session::next_timer() const {
  const Contents& all = *contents_;
  std::optional<Instant> next = all.phase_two.next_timer();
  const auto sooner = [&next](Instant timer) { next = next ? std::min(*next, timer) : timer; };
  if (!all.by_alive_at.empty()) sooner(all.by_alive_at.front().alive_at + all.options.idle_most);
  if (!all.by_arrival.empty()) sooner(all.by_arrival.front().received_at + all.options.hold_most);
  return next;
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
  const Contents& all = *contents_;
  return {all.connections.size(), all.registry.size(), all.phase_two.size(), all.elsewhere.size(),
          all.elsewhere.refused()};
}

}  // namespace torc::session
