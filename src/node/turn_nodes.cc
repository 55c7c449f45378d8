// The turn's part that has to do with other nodes: what they send, who can be reached, what is said of ourselves.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "node/announcement.h"
#include "node/turn.h"
#include "txn/command_codec.h"

namespace torc::node {

namespace {

constexpr Milliseconds beat_every{100};
constexpr std::size_t changes_at_once = 256;
constexpr std::size_t early_most = 65'536;
// S6: until a rate was measured, a copy is taken to go so fast.
constexpr double records_per_second_least = 20'000;

}  // namespace

void Turn::take_deliveries(txn::Now now) {
  peer::Output from_peers = mesh_.take_output();
  out_.peers.send.insert(out_.peers.send.end(), std::make_move_iterator(from_peers.send.begin()),
                         std::make_move_iterator(from_peers.send.end()));
  out_.peers.close.insert(out_.peers.close.end(), std::make_move_iterator(from_peers.close.begin()),
                          std::make_move_iterator(from_peers.close.end()));
  for (const peer::LinkEvent& event : from_peers.events) link_changed(event, now);
  for (peer::Delivery& delivery : from_peers.delivered) deliver(std::move(delivery), now);
  watch_nodes(now);
}

void Turn::deliver(peer::Delivery delivery, txn::Now now) {
  const peer::Identity& from = delivery.from;
  const auto bad = [&](const Error& error) {
    out_.notices.push_back(fmt::format("{} sent what cannot be read on channel {}: {}", from.name,
                                       peer::name_of(delivery.channel), error.message));
  };
  if (from.kind == peer::Kind::node) {
    const txn::EntryNode entry{from.incarnation, from.boot};
    txn::EntryNode& known = entries_[from.name];
    if (known != entry) {
      // Its process is another one: whoever was connected to the earlier one waits no more.
      if (machine_ && known != txn::EntryNode{}) machine_->step({{}, txn::EntryLost{known}, 0}, now);
      known = entry;
    }
  }
  switch (delivery.channel) {
    case peer::Channel::replication: {
      auto body = ring::decode_body(delivery.payload);
      if (!body) return bad(body.error());
      replica_.received({{{from.name, from.incarnation}, from.boot}, mesh_.self().name, *std::move(body)});
      return drain(now);
    }
    case peer::Channel::announce: {
      const auto value = decode_announcement(delivery.payload);
      if (!value) return bad(value.error());
      return learn(*value, now);
    }
    case peer::Channel::report: {
      auto reports = control::decode_reports(delivery.payload);
      if (!reports) return bad(reports.error());
      if (reports->reports.empty() || reports->reports.front().report.member.node != from.name) return;
      control::Relayed& own = reports->reports.front();
      heard_[from.name] = {std::move(own.report), now.monotonic, own.age};
      return;
    }
    case peer::Channel::requests: {
      auto requests = txn::decode_requests(delivery.payload);
      if (!requests) return bad(requests.error());
      return take_forwarded(*std::move(requests), now);
    }
    case peer::Channel::answers: {
      auto replies = txn::decode_replies(delivery.payload);
      if (!replies) return bad(replies.error());
      for (txn::Reply& reply : *replies) session_.answer(std::move(reply), now.monotonic);
      return;
    }
    case peer::Channel::phase_two: {
      auto requests = txn::decode_phase_twos(delivery.payload);
      if (!requests) return bad(requests.error());
      for (txn::PhaseTwo& request : *requests) session_.phase_two_here(std::move(request), now.monotonic);
      return;
    }
    case peer::Channel::clients: {
      const auto changes = session::decode_client_changes(delivery.payload);
      if (!changes) return bad(changes.error());
      if (changes->empty()) return tell_clients(from.name);  // it asks
      return session_.elsewhere(from.name, *changes);
    }
    default: return;  // the control module's, or of a later version
  }
}

// Other nodes' clients' requests.
void Turn::take_forwarded(std::vector<txn::Request> requests, txn::Now now) {
  if (!machine_) {
    // It asks again when it knows the primary; but if it knows already that this is it, it does not.
    const bool is_next = view_.value && view_.value->primary == replica_.self().member;
    if (is_next && early_.size() + requests.size() <= early_most) {
      early_.insert(early_.end(), std::make_move_iterator(requests.begin()), std::make_move_iterator(requests.end()));
    }
    return;
  }
  for (txn::Request& request : requests) {
    if (auto* result = std::get_if<txn::BranchResult>(&request.command)) {
      session_.branch_result(std::move(*result));
    } else {
      step(std::move(request), now);
    }
  }
}

void Turn::link_changed(const peer::LinkEvent& event, txn::Now now) {
  using What = peer::LinkEvent::What;
  if (event.what != What::refused) links_changed_ = true;
  if (event.peer.kind == peer::Kind::node && event.what != What::refused) {
    // What was on its way over that link may be lost, and what is said over the next one may overtake it: both tell
    // each other again who is connected, also if there has been another way all the time.
    const bool was_reached = reached_.erase(event.peer.name) > 0;
    if (was_reached && event.what != What::up) session_.node_lost(event.peer.name, now.monotonic);
  }
  const std::string who =
      fmt::format("{} {}", event.peer.kind == peer::Kind::node ? "node" : "control", event.peer.name);
  switch (event.what) {
    case What::up:
      out_.notices.push_back(fmt::format("link to {} is up", who));
      if (view_.value) mesh_.send(event.peer.name, peer::Channel::announce, encode_announcement(view_));
      break;
    case What::closed: out_.notices.push_back(fmt::format("link to {} is closed: {}", who, event.reason)); break;
    case What::suspected: out_.notices.push_back(fmt::format("link to {} is silent", who)); break;
    case What::refused: out_.notices.push_back(fmt::format("{} refuses connections", who)); break;
  }
  std::vector<std::string> up;
  for (const peer::LinkState& link : mesh_.links()) {
    if (link.kind == peer::Kind::node && link.up) up.push_back(link.peer);
  }
  links_up_ = up.size();
  replica_.set_links(std::move(up));
}

// Who can be reached at all, directly or over one hop: its clients are ours to use in phase two, and must know ours.
void Turn::watch_nodes(txn::Now now) {
  if (alone()) return;
  for (const std::string& node : nodes_) {
    if (node == mesh_.self().name) continue;
    const bool reached = mesh_.route(node) != peer::Route::none;
    if (reached && reached_.insert(node).second) {
      tell_clients(node);
      ask_for_clients(node);
    }
    if (!reached && reached_.erase(node) > 0) session_.node_lost(node, now.monotonic);
  }
}

void Turn::tell_clients(const std::string& node) {
  const std::vector<session::ClientChange> all = session_.all_clients();
  for (std::size_t first = 0; first < all.size(); first += changes_at_once) {
    const std::size_t count = std::min(changes_at_once, all.size() - first);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
    Bytes bytes;
    session::encode({begin, begin + static_cast<std::ptrdiff_t>(count)}, bytes);
    mesh_.send(node, peer::Channel::clients, bytes);
  }
}

// It may not have noticed that there was no way for a while, and what it said meanwhile was lost.
void Turn::ask_for_clients(const std::string& node) {
  Bytes bytes;
  session::encode(std::vector<session::ClientChange>{}, bytes);
  mesh_.send(node, peer::Channel::clients, bytes);
}

void Turn::beat(txn::Now now) {
  next_beat_ = now.monotonic + beat_every;
  replica_.tick();
  drain(now);
  const double grown = static_cast<double>(replica_.end().lsn.value) - static_cast<double>(end_last_beat_.value);
  records_per_second_ = std::max(grown * 10, records_per_second_ * 0.9);
  end_last_beat_ = replica_.end().lsn;

  if (replica_.progress() != progress_) {
    progress_ = replica_.progress();
    progressed_ = now.monotonic;
  }
  cut_tail_ = cut_tail_ && !replica_.serving() && !replica_.caught_up();
  ++reports_made_;
  Bytes bytes;
  control::encode(reports(now.monotonic), bytes);
  mesh_.broadcast(peer::Kind::control, peer::Channel::report, bytes);
  mesh_.broadcast(peer::Kind::node, peer::Channel::report, bytes);

  // R2: the primary keeps everything above its backup's durable end, within bounds.
  const bool full = replica_.backlog_bytes() > options_.backlog_bytes_max;
  if (machine_ && full != refusing_) {
    refusing_ = full;
    machine_->refuse_begins(full ? std::optional<std::string>("the backup does not keep up") : no_begins_);
  }
  // T7: that a client is still there is said again now and then.
  if (now.monotonic >= next_hour_) {
    next_hour_ = now.monotonic + std::chrono::hours(1);
    std::vector<txn::Request> again = clients_here();
    if (machine_) {
      for (txn::Request& request : again) step(std::move(request), now);
    } else {
      forward(again);
    }
  }
}

// T7: as if they had registered just now.
std::vector<txn::Request> Turn::clients_here() const {
  std::vector<txn::Request> requests;
  for (const session::ClientChange& change : session_.all_clients()) {
    const auto* client = std::get_if<session::ClientUpdated>(&change);
    if (client == nullptr) continue;
    const std::string ip = client->peer.substr(0, client->peer.rfind(':'));
    requests.push_back({{}, txn::ClientRegistered{client->application, ip, client->version, client->resources}, 0});
  }
  return requests;
}

control::Report Turn::report(Instant now) const {
  const auto since = [now](Instant then) { return std::chrono::floor<Milliseconds>(now - then); };
  control::Report report;
  report.member = replica_.self().member;
  report.boot = replica_.self().boot;
  report.sequence = reports_made_;
  report.up_for = since(started_);
  report.highest_view_seen = replica_.highest_view_seen();
  report.cluster_id = options_.cluster_id;
  report.sealed = replica_.sealed();
  report.end = replica_.durable();
  report.replicated = replica_.replicated();
  report.role = static_cast<control::Report::Role>(replica_.role());
  report.role_view = replica_.role() == ring::Role::idle ? View{} : replica_.view()->number;
  report.progress = progress_;
  if (replica_.serving()) report.progress_age = since(progressed_);
  if (replica_.role() == ring::Role::primary || replica_.role() == ring::Role::backup) {
    report.behind = Milliseconds(0);
  } else if (const auto records = replica_.records_behind()) {
    const double rate = std::max(records_per_second_, records_per_second_least);
    report.behind = Milliseconds(static_cast<std::int64_t>(1'000 * static_cast<double>(*records) / rate));
  }
  report.writable = disk_.writable;
  report.disk_moves = disk_.moves;
  report.cut_tail = cut_tail_;
  report.rebuilding = !machine_ && !state_;
  for (const peer::LinkState& link : mesh_.links()) {
    if (link.kind != peer::Kind::node || !link.up) continue;
    report.links.push_back({link.peer, since(link.heard_at), std::chrono::ceil<Milliseconds>(link.round_trip)});
  }
  return report;
}

control::Reports Turn::reports(Instant now) const {
  control::Reports all;
  all.reports.push_back({report(now), Milliseconds(0)});
  for (const auto& [node, heard] : heard_) {
    all.reports.push_back({heard.report, heard.age + std::chrono::ceil<Milliseconds>(now - heard.at)});
  }
  return all;
}

}  // namespace torc::node
