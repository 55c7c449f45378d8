#include "control/store/store_server.h"

#include <utility>

#include "base/trace.h"

namespace torc::control {

using gateway::Code;

namespace {

StoreServer::Answer problem(unsigned status, Code code, std::string_view message) {
  return {status, gateway::error_answer(code, message)};
}

// Of a key space's call.
StoreServer::Answer problem(const Error& error) {
  if (error.kind == Error::Kind::refused) return problem(400, Code::invalid_argument, error.message);
  trace::error("control store: {}", error.message);
  return problem(503, Code::unavailable, error.message);
}

StoreServer::Answer unreadable(const Error& error) { return problem(400, Code::invalid_argument, error.message); }

StoreServer::Answer no_lease() { return problem(404, Code::not_found, "etcdserver: requested lease not found"); }

}  // namespace

void StoreServer::handle(std::string_view path, std::string_view body, Instant now, const Respond& respond) {
  if (path == gateway::watch_path) {
    hold(body, now, respond);
  } else {
    respond(answer(path, body, now));
  }
  release(now);
}

void StoreServer::tick(Instant now) {
  const auto expired = keys_.expire(now);
  if (!expired && !failing_) trace::error("control store: {}", expired.error().message);
  failing_ = !expired;
  release(now);
}

StoreServer::Answer StoreServer::answer(std::string_view path, std::string_view body, Instant now) {
  if (path == gateway::range_path) {
    const auto key = gateway::parse_range_request(body);
    if (!key) return unreadable(key.error());
    const auto found = keys_.get(*key, now);
    if (!found) return problem(found.error());
    return {200, gateway::range_answer(*key, *found)};
  }
  if (path == gateway::txn_path) {
    const auto put = gateway::parse_txn_request(body);
    if (!put) return unreadable(put.error());
    const auto done = keys_.put_if(put->key, put->version, put->value, put->lease, now);
    if (!done) return problem(done.error());
    return {200, gateway::txn_answer(header(), *done)};
  }
  if (path == gateway::grant_path) {
    const auto ttl = gateway::parse_grant_request(body);
    if (!ttl) return unreadable(ttl.error());
    const auto lease = keys_.grant(*ttl, now);
    if (!lease) return problem(lease.error());
    return {200, gateway::grant_answer(header(), *lease, *ttl)};
  }
  if (path == gateway::keep_alive_path || path == gateway::revoke_path) {
    const auto lease = gateway::parse_lease_request(body);
    if (!lease) return unreadable(lease.error());
    const bool keep = path == gateway::keep_alive_path;
    const auto there = keep ? keys_.keep_alive(*lease, now) : keys_.revoke(*lease, now);
    if (!there) return problem(there.error());
    if (!keep) return *there ? Answer{200, gateway::revoke_answer(header())} : no_lease();
    const auto ttl = keys_.ttl(*lease).value_or(std::chrono::seconds(0));
    return {200, gateway::keep_alive_answer(header(), *lease, ttl)};
  }
  return problem(404, Code::not_found, "no such path");
}

void StoreServer::hold(std::string_view body, Instant now, const Respond& respond) {
  const auto watch = gateway::parse_watch_request(body);
  if (!watch) return respond(unreadable(watch.error()));
  const auto found = keys_.get(watch->key, now);
  if (!found) return respond(problem(found.error()));
  const std::uint64_t from = watch->start_revision == 0 ? found->revision + 1 : watch->start_revision;
  if (found->version() >= from) {
    return respond({200, gateway::watch_created(header()) + gateway::watch_changed(watch->key, *found)});
  }
  if (keys_.removals_unknown_up_to() >= from) {
    const auto compacted = gateway::watch_compacted(header(), keys_.removals_unknown_up_to());
    return respond({200, gateway::watch_created(header()) + compacted});
  }
  if (held_.size() >= options_.watches_max) {
    return respond(problem(429, Code::resource_exhausted, "too many watches are open"));
  }
  held_.push_back({*watch, found->version(), now + options_.watch_most, respond});
}

void StoreServer::release(Instant now) {
  const bool changed = keys_.revision() != std::exchange(released_, keys_.revision());
  std::erase_if(held_, [&](const Held& held) {
    if (changed) {
      const auto found = keys_.get(held.watch.key, now);
      if (!found) return held.respond(problem(found.error())), true;
      if (found->version() != held.seen) {
        held.respond({200, gateway::watch_created(header()) + gateway::watch_changed(held.watch.key, *found)});
        return true;
      }
    }
    if (held.until > now) return false;
    held.respond({200, gateway::watch_created(header())});
    return true;
  });
}

}  // namespace torc::control
