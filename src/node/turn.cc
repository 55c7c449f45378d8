#include "node/turn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "node/announcement.h"
#include "txn/command_codec.h"

namespace torc::node {

namespace {

// Of requests or answers in one frame between nodes; one larger than this goes alone.
constexpr std::size_t batch_most = 256;

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

// The log says what this node's own rules forbid: better a stopped node than a wrong one.
[[noreturn]] void stop(const Error& error) {
  std::fprintf(stderr, "torc: a replicated record cannot be applied: %s\n", error.message.c_str());
  std::abort();
}

// T7, as the session asks for it.
class OwnersInState final : public session::KnownOwners {
 public:
  explicit OwnersInState(const txn::State& state) : state_(state) {}
  std::vector<session::Owner> owners(std::string_view resource) const override {
    std::vector<session::Owner> found;
    for (txn::KnownClient& client : state_.known_clients(resource)) {
      found.push_back({std::move(client.application), std::move(client.ip)});
    }
    return found;
  }

 private:
  const txn::State& state_;
};

}  // namespace

Turn::Turn(Options options, session::Options session, peer::MeshConfig mesh, ring::Replica replica, txn::State state,
           txn::Now now)
    : options_(std::move(options)),
      entry_(session.entry),
      nodes_(mesh.nodes),
      session_(std::move(session)),
      replica_(std::move(replica)),
      mesh_(std::move(mesh)),
      state_(std::move(state)),
      started_(now.monotonic),
      next_beat_(now.monotonic),
      next_hour_(now.monotonic + std::chrono::hours(1)),
      progressed_(now.monotonic),
      cut_tail_(options_.cut_tail) {}

// -- gather -----------------------------------------------------------------------------------------------------------

void Turn::done(std::uint64_t order, txn::Now now) {
  replica_.done(order);
  drain(now);
}

void Turn::fetched(const ring::FetchRecords& request, std::vector<Record> records) {
  replica_.fetched(request, std::move(records));
}

void Turn::fetched(const ring::FetchSnapshot& request, ring::SnapshotPart part) {
  replica_.fetched(request, std::move(part));
}

void Turn::rebuilt(const ring::Rebuild& request, txn::State state, txn::Now now) {
  if (!replica_.rebuilt(request)) return;
  state_ = std::move(state);
  drain(now);
}

void Turn::refuse_begins(std::optional<std::string> reason) {
  no_begins_ = std::move(reason);
  if (machine_) machine_->refuse_begins(no_begins_);
}

void Turn::learn(const control::Versioned& value, txn::Now now) {
  if (!value.value) return;
  const bool same = view_.value == value.value;
  const bool newer = !view_.value || value.value->number > view_.value->number ||
                     (value.value->number == view_.value->number && value.value->state > view_.value->state);
  if (!newer && !(same && view_.version == 0)) return;
  if (view_.value && view_.value->number != value.value->number) early_.clear();
  view_ = value;
  replica_.learn(*value.value);
  drain(now);
}

void Turn::activated(const control::Versioned& serving, txn::Now now) {
  if (view_.value && view_.value->number > serving.value->number) return;
  view_ = serving;
  replica_.activated(serving.value->number);
  drain(now);
}

void Turn::inspect(Inspection inspection) {
  std::string found = inspection.look(*this);
  if (!inspection.shows_records) return inspection.deliver(std::move(found));
  // What is not replicated yet is the primary's alone to know.
  const Lsn depends_on = machine_ ? machine_->state().last() : Lsn{0};
  gate_.hold(depends_on, Seen{std::move(inspection), std::move(found)});
}

// -- the turn ---------------------------------------------------------------------------------------------------------

Turn::Output Turn::run(txn::Now now) {
  mesh_.tick(now.monotonic);
  take_deliveries(now);
  if (!alone() && now.monotonic >= next_beat_) beat(now);
  session_.tick(now.monotonic);
  if (machine_) machine_->tick(now);
  look_for_primary();
  if (machine_) take_forwarded(std::exchange(early_, {}), now);

  // A phase-two request that finds no resource manager comes back as a request at once; it is stepped in the same turn.
  for (bool first = true;; first = false) {
    session::Output from_clients = session_.take_output();
    append(out_.session.send, from_clients.send);
    append(out_.session.close, from_clients.close);
    append(out_.session.flow, from_clients.flow);
    std::vector<txn::Request> requests = take_requests(from_clients);
    const bool stepped = !requests.empty();
    if (machine_) {
      for (txn::Request& request : requests) step(std::move(request), now);
    } else {
      forward(requests);
    }
    for (const session::Elsewhere& there : from_clients.elsewhere) {
      Bytes bytes;
      txn::encode(std::span(&there.request, 1), bytes);
      mesh_.send(there.node, peer::Channel::phase_two, bytes);
    }
    if (!from_clients.changes.empty() && !alone()) {
      Bytes bytes;
      session::encode(from_clients.changes, bytes);
      mesh_.broadcast(peer::Kind::node, peer::Channel::clients, bytes);
    }
    if (!stepped && !first) break;

    if (machine_) store(machine_->take_output());
    drain(now);
    release(now);
  }
  send_replies();
  peer::Output to_peers = mesh_.take_output();
  append(out_.peers.send, to_peers.send);
  append(out_.peers.close, to_peers.close);
  for (const peer::LinkEvent& event : to_peers.events) link_changed(event, now);
  out_.awaited = gate_.size() > 0 || !fenced_.empty() || !machine_;
  return std::exchange(out_, {});
}

std::vector<txn::Request> Turn::take_requests(session::Output& from_clients) {
  std::vector<txn::Request> requests;
  if (std::exchange(ask_again_, false) && !alone()) {
    // What came in this turn is among them, and need not be asked twice.
    requests = session_.unanswered();
    forwarding_.asked_again += requests.size();
    std::erase_if(from_clients.requests, [](const txn::Request& request) { return has_answer(request.command); });
    std::vector<txn::Request> registered = clients_here();
    append(requests, registered);
  }
  append(requests, from_clients.requests);
  for (session::Registration& served : from_clients.registrations) {
    requests.push_back({{}, txn::ClientRegistered{std::move(served.application), std::move(served.ip),
                                                  std::move(served.version), std::move(served.resources)}, 0});
  }
  return requests;
}

void Turn::step(txn::Request request, txn::Now now) { machine_->step(std::move(request), now); }

void Turn::store(txn::Output output) {
  for (Bytes& record : output.records) replica_.append(std::move(record));
  assert(machine_->state().last() == replica_.end().lsn);
  // R6: one fence for all that appended nothing: it is asked for after they have arrived.
  std::optional<std::uint64_t> fence;
  const auto hold = [&](bool needs_fence, Lsn depends_on, Held value) {
    if (!needs_fence) return gate_.hold(depends_on, std::move(value));
    if (!fence) fence = replica_.fence();
    fenced_.push_back({*fence, depends_on, std::move(value)});
  };
  for (txn::Reply& reply : output.replies) {
    const Lsn depends_on = reply.depends_on;
    hold(!reply.appended, depends_on, std::move(reply));
  }
  for (txn::PhaseTwo& request : output.phase_two) {
    const Lsn depends_on = request.depends_on;
    hold(request.repeat, depends_on, std::move(request));
  }
  for (txn::Notice& notice : output.notices) {
    const Lsn depends_on = notice.depends_on;
    gate_.hold(depends_on, std::move(notice));
  }
}

// -- the ring ---------------------------------------------------------------------------------------------------------

// After everything that was said to the replica: what it answers, and whether the role has changed.
void Turn::drain(txn::Now now) {
  ring::Output from_ring = replica_.take_output();
  append(out_.disk, from_ring.disk);
  for (const ring::Message& message : from_ring.send) {
    Bytes bytes;
    ring::encode(message.body, bytes);
    mesh_.send(message.to, peer::Channel::replication, bytes);
  }
  append(out_.fetch_records, from_ring.fetch_records);
  append(out_.fetch_snapshots, from_ring.fetch_snapshots);
  append(out_.notices, from_ring.notices);
  apply(from_ring.apply);
  if (from_ring.rebuild) {
    // Not to be gone on with: it holds what the log no longer does.
    if (!from_ring.rebuild->from) state_.reset();
    out_.rebuild = Rebuilding{*from_ring.rebuild, std::exchange(state_, std::nullopt)};
  }
  if (from_ring.activate) out_.activate = Activation{view_.version, *std::move(from_ring.activate)};
  follow_role(now);
  if (replica_.serving()) {
    replicated_ = from_ring.replicated;
    fence_confirmed_ = from_ring.fenced;
  }
}

void Turn::apply(const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (auto applied = state_->apply(record.lsn, record.payload); !applied) stop(applied.error());
  }
}

void Turn::follow_role(txn::Now now) {
  const View leads = replica_.serving() ? replica_.sealed() : View{};
  if (leads == led_) return;
  if (machine_) {
    led_before_ += machine_->counters();
    state_ = std::move(*machine_).release_state();
    machine_.reset();
    // T2: nothing is answered for a request whose record was appended; its entry node asks the new primary.
    for (Held& held : gate_.drop()) {
      if (auto* seen = std::get_if<Seen>(&held)) inspect(std::move(seen->asked));
    }
    fenced_.clear();
    replies_.clear();
    replicated_ = {};
    out_.notices.push_back(fmt::format("view {}: this node is not primary any more", led_.value));
  }
  led_ = leads;
  // Another node may have said by its records that the view serves, before the store's word arrived.
  if (replica_.view() && (!view_.value || replica_.view()->number > view_.value->number ||
                          replica_.view()->state > view_.value->state)) {
    view_.value = replica_.view();
  }
  if (!led_) return;
  machine_.emplace(*std::move(state_), options_.txn, now, options_.ring, now.wall);
  state_.reset();
  machine_->refuse_begins(no_begins_);
  out_.notices.push_back(fmt::format("view {}: this node serves as primary, {}; {} transactions are open", led_.value,
                                     view_.value->backup ? "with backup " + view_.value->backup->node : "alone",
                                     machine_->state().open_count()));
  store(machine_->take_output());
  ask_again_ = true;
  const Bytes bytes = encode_announcement(view_);
  mesh_.broadcast(peer::Kind::node, peer::Channel::announce, bytes);
  mesh_.broadcast(peer::Kind::control, peer::Channel::announce, bytes);
}

// -- what may leave ---------------------------------------------------------------------------------------------------

void Turn::release(txn::Now now) {
  while (!fenced_.empty() && fenced_.front().fence <= fence_confirmed_) {
    gate_.hold(fenced_.front().depends_on, std::move(fenced_.front().value));
    fenced_.pop_front();
  }
  for (Held& held : gate_.release(machine_ ? replicated_ : Lsn{0})) let_go(std::move(held), now);
}

void Turn::let_go(Held held, txn::Now now) {
  if (auto* reply = std::get_if<txn::Reply>(&held)) {
    if (reply->to.entry == entry_) return session_.answer(std::move(*reply), now.monotonic);
    for (const auto& [node, entry] : entries_) {
      if (entry == reply->to.entry) return replies_[node].push_back(std::move(*reply));
    }
  } else if (auto* request = std::get_if<txn::PhaseTwo>(&held)) {
    const OwnersInState known(machine_->state());
    session_.phase_two(std::move(*request), now.monotonic, &known);
  } else if (auto* notice = std::get_if<txn::Notice>(&held)) {
    out_.notices.push_back(std::move(notice->text));
  } else {
    auto& seen = std::get<Seen>(held);
    seen.asked.deliver(std::move(seen.found));
  }
}

void Turn::send_replies() {
  for (const auto& [node, replies] : std::exchange(replies_, {})) {
    for (std::size_t first = 0; first < replies.size(); first += batch_most) {
      Bytes bytes;
      txn::encode(std::span(replies).subspan(first, std::min(batch_most, replies.size() - first)), bytes);
      mesh_.send(node, peer::Channel::answers, bytes);
    }
  }
}

// -- requests that another node has to answer
// --------------------------------------------------------------------------

void Turn::forward(const std::vector<txn::Request>& requests) {
  if (requests.empty() || upstream_.route == peer::Route::none) return;  // asked again when there is a way (T2)
  for (std::size_t first = 0; first < requests.size(); first += batch_most) {
    Bytes bytes;
    txn::encode(std::span(requests).subspan(first, std::min(batch_most, requests.size() - first)), bytes);
    mesh_.send(upstream_.primary, peer::Channel::requests, bytes);
  }
  forwarding_.requests += requests.size();
}

Turn::Upstream Turn::upstream() const {
  if (machine_ || !view_.value || view_.value->state != ring::Register::State::serving) return {};
  const std::string& primary = view_.value->primary.node;
  const peer::Route route = mesh_.route(primary);
  if (route == peer::Route::none) return {};
  return {view_.value->number, primary, route};
}

// T2: whenever the way to the primary is another one, what was asked may have been lost; its key keeps it from being
// done twice (T3).
void Turn::look_for_primary() {
  const bool other_links = std::exchange(links_changed_, false);
  const Upstream before = std::exchange(upstream_, upstream());
  if ((other_links || upstream_ != before) && upstream_.route != peer::Route::none) ask_again_ = true;
}

// -- for people -------------------------------------------------------------------------------------------------------

const txn::State* Turn::state() const {
  if (machine_) return &machine_->state();
  // Of a primary that was, it may hold what is not replicated (T4).
  return state_ && state_->last() <= replica_.replicated() ? &*state_ : nullptr;
}

txn::Machine::Counters Turn::counters() const {
  txn::Machine::Counters all = led_before_;
  if (machine_) all += machine_->counters();
  return all;
}

std::optional<Instant> Turn::next_timer() const {
  std::optional<Instant> next = session_.next_timer();
  const auto sooner = [&next](Instant other) { next = next ? std::min(*next, other) : other; };
  if (machine_) {
    if (const auto due = machine_->next_timer()) sooner(*due);
  }
  if (!alone()) sooner(next_beat_);
  return next;
}

}  // namespace torc::node
