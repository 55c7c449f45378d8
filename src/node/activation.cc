#include "node/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/trace.h"
#include "control/decide.h"
#include "control/store/embedded.h"
#include "control/store/etcd.h"
#include "log/salvage.h"
#include "log/snapshot.h"
#include "node/log_reader.h"

namespace torc::node {

namespace {

Error with(std::string_view what, const Error& error) {
  return Error{fmt::format("{}: {}", what, error.message), error.kind};
}

bool is_damage(const Error& error) { return error.kind == Error::Kind::damaged; }

// What the directory says, with nothing repaired.
struct Opened {
  std::unique_ptr<log::Log> log;
  Position snapshot;
};

Result<Opened> open_log(io::Directory& directory, const Config& config, const log::Identity& self) {
  log::Evidence evidence;
  evidence.machine_restarted = self.kernel_boot_id != io::kernel_boot_id();
  evidence.known_replicated = self.known_replicated;
  const auto base = log::snapshot_position(directory);
  if (!base) return base.error();
  auto log = log::Log::open(directory, config.log, evidence, base->value_or(Position{}));
  if (!log) return log.error();
  return Opened{*std::move(log), base->value_or(Position{})};
}

// R8: the directory becomes another incarnation, which nobody takes for complete, keeps what is good and is fed the
// rest.
Result<Opened> salvage_log(io::Directory& directory, const Config& config, log::IdentityFile& identity) {
  auto salvaged = log::salvage(directory, config.log, identity, Incarnation{io::random_u64()});
  if (!salvaged) return salvaged.error();
  for (const log::Damage& lost : salvaged->lost) trace::error("{}", lost.text());
  trace::warn(
      "{}: repaired; what is good is kept, the rest comes from other nodes, and until then this node counts as new",
      config.data);
  log::Identity cut = identity.identity();
  cut.known_replicated = std::min(cut.known_replicated, salvaged->log->end().lsn);
  if (auto saved = identity.save(cut); !saved) return saved.error();
  const auto base = log::snapshot_position(directory);
  if (!base) return base.error();
  return Opened{std::move(salvaged->log), base->value_or(Position{})};
}

// R10: a clone of this directory, or an older image of it, was started with this boot or a later one.
Result<void> raise_boot(control::Store& store, const Config& config, log::IdentityFile& identity) {
  log::Identity self = identity.identity();
  const auto raised = store.raise_boot({self.node, self.incarnation}, self.boot, self.start_nonce);
  if (!raised) {
    trace::warn("control store: {}; this node's boot is not known there yet", raised.error().message);
    return {};
  }
  if (*raised) return {};
  trace::error(
      "{}: the control store knows a later start of this data directory: it is a copy or an old image. It counts "
      "as a new node from now on",
      config.data);
  if (auto renewed = identity.renew(Incarnation{io::random_u64()}); !renewed) return renewed;
  self = identity.identity();
  if (const auto again = store.raise_boot({self.node, self.incarnation}, self.boot, self.start_nonce); !again) {
    trace::warn("control store: {}", again.error().message);
  }
  return {};
}

// The ring compares logs by view ends, which begin with the position before the oldest record.
std::vector<Position> view_ends(const log::Log& log, const Position& snapshot) {
  std::vector<Position> ends = log.view_ends();
  const Position before = log.first() == Lsn{1} ? Position{} : snapshot;
  if (ends.empty() || before.lsn < ends.front().lsn) ends.insert(ends.begin(), before);
  return ends;
}

// The position of the last record that is known to be replicated.
Result<Position> replicated_position(io::Directory& directory, const log::Log& log, const Position& snapshot,
                                     Lsn known_replicated) {
  const Lsn lsn = std::min(known_replicated, log.end().lsn);
  if (lsn <= snapshot.lsn) return snapshot;
  if (lsn == log.end().lsn) return log.end();
  auto reader = log::Reader::open(directory, lsn, lsn);
  if (!reader) return reader.error();
  const auto record = reader->next();
  if (!record) return record.error();
  return position(**record);
}

// R3: the register after our CAS. An unknown result is settled by a read.
Result<control::Versioned> decide_own_view(control::Store& store, const control::Report& report) {
  const auto current = store.read();
  if (!current) return with("control store", current.error());
  const auto decision = control::decide_alone(current->value, report);
  if (!decision) return decision.error();
  if (!*decision) return Error{"no view can be formed with this node", Error::Kind::refused};
  const auto swapped = store.compare_and_swap(current->version, (*decision)->next);
  auto read = store.read();
  if (!read) return with("control store", read.error());
  if (read->value == (*decision)->next) return *std::move(read);
  if (!swapped) return with("control store", swapped.error());
  return Error{"another controller changed the register at the same time", Error::Kind::unavailable};
}

}  // namespace

Result<Activated> activate(const Config& config) {
  const auto started = std::chrono::steady_clock::now();
  const bool alone = config.cluster.nodes.empty();
  auto directory = io::open_directory(config.data);
  if (!directory) return directory.error();
  if (auto locked = (*directory)->lock(); !locked) return locked.error();

  log::Identity fresh;
  fresh.incarnation = Incarnation{io::random_u64()};
  fresh.node = config.name;
  auto identity = log::IdentityFile::open(**directory, fresh);
  if (!identity && is_damage(identity.error()) && !alone) {
    trace::error("{}: {}; it is emptied, and this node counts as new", config.data, identity.error().message);
    if (auto wiped = log::wipe(**directory); !wiped) return wiped.error();
    identity = log::IdentityFile::open(**directory, fresh);
  }
  if (!identity) return with(config.data, identity.error());

  auto opened = open_log(**directory, config, identity->identity());
  if (!opened && is_damage(opened.error()) && !alone) {
    trace::error("{}: {}", config.data, opened.error().message);
    opened = salvage_log(**directory, config, *identity);
  }
  if (!opened) return with(config.data, opened.error());

  // R10: the boot number is raised durably at each start.
  log::Identity self = identity->identity();
  self.boot = self.boot.next();
  self.start_nonce = io::random_u64();
  self.kernel_boot_id = io::kernel_boot_id();
  if (auto saved = identity->save(self); !saved) return with("identity", saved.error());

  std::unique_ptr<control::Store> store;
  const control::StoreNames names{config.cluster.name, fmt::format("{}", config.ring)};
  if (alone) {
    store = std::make_unique<control::EmbeddedStore>(**directory, names);
  } else {
    control::EtcdOptions etcd;
    etcd.endpoints = config.cluster.store;
    etcd.answer_within = config.cluster.suspicion;  // a member that is cut off costs a takeover no more than that
    etcd.names = names;
    store = std::make_unique<control::EtcdStore>(etcd);
  }
  if (auto raised = raise_boot(*store, config, *identity); !raised) return raised.error();
  self = identity->identity();

  const auto replicated =
      replicated_position(**directory, *opened->log, opened->snapshot, self.known_replicated);
  if (!replicated) return with(config.data, replicated.error());
  // T1: up to known-replicated. A node that is alone has nobody who could know of more.
  const Lsn applied = alone ? opened->log->end().lsn : replicated->lsn;
  auto state = replay(**directory, applied);
  if (!state) return with(config.data, state.error());

  Activated done;
  done.self = {{self.node, self.incarnation}, self.boot};
  done.recovered.sealed = self.sealed;
  done.recovered.view_ends = view_ends(*opened->log, opened->snapshot);
  done.recovered.replicated = *replicated;
  done.recovered.applied = applied;
  done.recovered.nonce_start = self.start_nonce;
  done.cut_tail = opened->log->recovery().torn_tail.has_value();
  if (done.cut_tail) trace::warn("torn tail cut: {}", *opened->log->recovery().torn_tail);
  if (const auto id = store->cluster_id()) done.cluster_id = *id;
  if (alone) {
    control::Report report;
    report.member = done.self.member;
    report.boot = self.boot;
    report.highest_view_seen = self.highest_view_seen;
    report.sealed = self.sealed;
    report.end = opened->log->end();
    auto forming = decide_own_view(*store, report);
    if (!forming) return forming.error();
    done.forming = *std::move(forming);
  }
  const auto took = std::chrono::steady_clock::now() - started;
  trace::info("{}: {} records, {} transactions open, recovered in {} ms", config.data, opened->log->end().lsn.value,
              state->open_count(), std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  done.directory = *std::move(directory);
  done.log = std::move(opened->log);
  done.identity = *std::move(identity);
  done.store = std::move(store);
  done.state = *std::move(state);
  return done;
}

}  // namespace torc::node
