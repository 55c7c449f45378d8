#include "node/log_reader.h"

#include <fmt/format.h>
#include <pthread.h>

#include <utility>

#include "base/trace.h"
#include "log/snapshot.h"

namespace torc::node {

LogReader::LogReader(io::Directory& directory, Mailbox<RingInput>& ring)
    : directory_(directory), ring_(ring), thread_([this] { run(); }) {}

LogReader::~LogReader() {
  orders_.put(End{});
  thread_.join();
}

void LogReader::run() {
  ::pthread_setname_np(::pthread_self(), "torc-reader");
  while (true) {
    for (Order& order : orders_.take()) {
      if (std::holds_alternative<End>(order)) return;
      if (auto* records = std::get_if<ring::FetchRecords>(&order)) carry_out(*records);
      if (auto* snapshot = std::get_if<ring::FetchSnapshot>(&order)) carry_out(*snapshot);
      if (auto* rebuild = std::get_if<Turn::Rebuilding>(&order)) carry_out(*rebuild);
    }
  }
}

void LogReader::carry_out(const ring::FetchRecords& request) {
  auto found = [&]() -> Result<std::vector<Record>> {
    auto reader = log::Reader::open(directory_, request.first, request.last);
    if (!reader) return reader.error();
    std::vector<Record> records;
    for (std::size_t bytes = 0; bytes < request.bytes_most;) {
      auto record = reader->next();
      if (!record) return record.error();
      if (!*record) break;
      bytes += sizeof(Record) + (*record)->payload.size();
      records.push_back(**std::move(record));
    }
    return records;
  }();
  if (!found) trace::info("{} cannot be fed from the log: {}", request.to, found.error().message);
  ring_.put(RecordsRead{request, found ? std::optional(*std::move(found)) : std::nullopt});
}

void LogReader::carry_out(const ring::FetchSnapshot& request) {
  // One that was begun is read to its end, also when a newer one has taken its place.
  const bool goes_on = snapshot_ && request.at == snapshot_->offer().position;
  if (!goes_on) {
    snapshot_.reset();
    auto opened = log::SnapshotSource::open(directory_);
    if (!opened) return trace::error("{} cannot be given the snapshot: {}", request.to, opened.error().message);
    if (!*opened) return trace::warn("{} lacks what the log no longer has, and there is no snapshot", request.to);
    snapshot_.emplace(**std::move(opened));
  }
  const log::SnapshotOffer& offer = snapshot_->offer();
  const std::uint64_t offset = goes_on ? request.offset : 0;
  auto bytes = snapshot_->read(offset, request.bytes_most);
  if (!bytes) return trace::error("{} cannot be given the snapshot: {}", request.to, bytes.error().message);
  ring_.put(SnapshotRead{
      request, {{}, 0, offer.position, offer.state_bytes, offer.digest, offset, *std::move(bytes)}});
}

void LogReader::carry_out(Turn::Rebuilding& request) {
  auto state = replay(directory_, request.request.up_to, std::move(request.from));
  // The log may have been cut or re-based meanwhile; then another one is asked for.
  if (!state) return trace::warn("the state cannot be made anew: {}", state.error().message);
  ring_.put(StateRebuilt{request.request, *std::move(state)});
}

Result<txn::State> replay(io::Directory& directory, Lsn last, std::optional<txn::State> from) {
  txn::State state;
  if (from && from->last() <= last) {
    state = *std::move(from);
  } else {
    auto snapshot = log::load_snapshot(directory);
    if (!snapshot) return snapshot.error();
    if (*snapshot) {
      auto decoded = txn::State::decode((*snapshot)->state);
      if (!decoded) return Error{fmt::format("snapshot: {}", decoded.error().message), decoded.error().kind};
      state = *std::move(decoded);
      (*snapshot)->state = Bytes();
    }
  }
  if (state.last() >= last) return state;
  auto reader = log::Reader::open(directory, state.last().next(), last);
  if (!reader) return reader.error();
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) break;
    if (auto applied = state.apply((*record)->lsn, (*record)->payload); !applied) {
      return Error{fmt::format("record {}: {}", (*record)->lsn.value, applied.error().message), applied.error().kind};
    }
  }
  return state;
}

}  // namespace torc::node
