#include "node/turn.h"

#include <cassert>
#include <iterator>
#include <memory>
#include <utility>

namespace torc::node {

Turn::Turn(session::Session session, txn::Machine machine, ring::Replica replica)
    : session_(std::move(session)), machine_(std::move(machine)), replica_(std::move(replica)) {
  // A new leader has things to say at once: the ring's first record, phase two of what was decided before.
  store(machine_.take_output());
}

void Turn::inspect(Inspection inspection) {
  auto deliver = [found = inspection.look(*this), deliver = std::move(inspection.deliver)]() mutable {
    deliver(std::move(found));
  };
  gate_.hold(machine_.state().last(), Delivery{std::move(deliver)});
}

Turn::Output Turn::run(txn::Now now) {
  Output out;
  session_.tick(now.monotonic);
  machine_.tick(now);

  // A phase-two request that finds no resource manager comes back as a request at once; it is stepped in the same turn.
  for (bool first = true;; first = false) {
    session::Output from_clients = session_.take_output();
    const bool stepped = !from_clients.requests.empty();
    for (txn::Request& request : from_clients.requests) machine_.step(std::move(request), now);
    auto append = [](auto& to, auto& from) {
      to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    };
    append(out.session.send, from_clients.send);
    append(out.session.close, from_clients.close);
    append(out.session.flow, from_clients.flow);
    if (!stepped && !first) break;

    store(machine_.take_output());
    ring::Output from_ring = replica_.take_output();
    append(out.store, from_ring.store);
    for (Held& held : gate_.release(from_ring.replicated)) release(std::move(held), out, now.monotonic);
  }
  out.awaited = gate_.size() > 0;
  return out;
}

void Turn::store(txn::Output output) {
  for (Bytes& record : output.records) replica_.append(std::move(record));
  assert(machine_.state().last() == replica_.end().lsn);
  for (txn::Reply& reply : output.replies) gate_.hold(reply.depends_on, std::move(reply));
  for (txn::PhaseTwo& request : output.phase_two) gate_.hold(request.depends_on, std::move(request));
  for (txn::Notice& notice : output.notices) gate_.hold(notice.depends_on, std::move(notice));
}

void Turn::release(Held held, Output& out, Instant now) {
  if (auto* reply = std::get_if<txn::Reply>(&held)) {
    session_.answer(std::move(*reply), now);
  } else if (auto* request = std::get_if<txn::PhaseTwo>(&held)) {
    session_.phase_two(std::move(*request), now);
  } else if (auto* notice = std::get_if<txn::Notice>(&held)) {
    out.notices.push_back(std::move(notice->text));
  } else {
    std::get<Delivery>(held).deliver();
  }
}

std::optional<Instant> Turn::next_timer() const {
  const auto a = session_.next_timer();
  const auto b = machine_.next_timer();
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace torc::node
