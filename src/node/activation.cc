#include "node/activation.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/trace.h"
#include "control/decide.h"
#include "log/snapshot.h"

namespace torc::node {

namespace {

Error with(std::string_view what, const Error& error) {
  return Error{fmt::format("{}: {}", what, error.message), error.kind};
}

// R3: the register after our CAS. An unknown result is settled by a read.
Result<std::uint64_t> install(control::Store& store, std::uint64_t version, const control::Register& next) {
  const Result<bool> swapped = store.compare_and_swap(version, next);
  if (swapped && *swapped) return version + 1;
  const auto read = store.read();
  if (!read) return with("control store", read.error());
  if (read->value == next) return read->version;
  if (!swapped) return with("control store", swapped.error());
  return Error{"another controller changed the register at the same time", Error::Kind::unavailable};
}

// R3, R4, R5 for a view of one member.
Result<void> form_view(control::Store& store, log::IdentityFile& identity, ring::Replica& replica) {
  const auto current = store.read();
  if (!current) return with("control store", current.error());
  const log::Identity& self = identity.identity();
  const control::Report report{
      .member = {self.node, self.incarnation}, .boot = self.boot, .highest_view_seen = self.highest_view_seen};
  const auto decision = control::decide_alone(current->value, report);
  if (!decision) return decision.error();
  if (!*decision) return Error{"no view can be formed with this node", Error::Kind::refused};

  control::Register view = (*decision)->next;
  const auto forming = install(store, current->version, view);
  if (!forming) return forming.error();

  if (auto formed = replica.form(view.number); !formed) return formed.error();
  log::Identity sealed = self;
  sealed.sealed = sealed.highest_view_seen = view.number;
  if (auto saved = identity.save(sealed); !saved) return with("identity", saved.error());
  replica.take_output();  // the seal, which is durable now
  replica.sealed(view.number);

  view.state = control::Register::State::serving;
  view.primary_boot = self.boot;
  view.last_serving = {view.primary};
  if (const auto serving = install(store, *forming, view); !serving) return serving.error();
  replica.serve();
  trace::info("view {}: {} serves alone ({})", view.number.value, self.node, (*decision)->cause);
  return {};
}

}  // namespace

Result<txn::State> replay(io::Directory& directory, Lsn last) {
  auto snapshot = log::load_snapshot(directory);
  if (!snapshot) return snapshot.error();
  txn::State state;
  if (*snapshot) {
    auto decoded = txn::State::decode((*snapshot)->state);
    if (!decoded) return with("snapshot", decoded.error());
    state = *std::move(decoded);
    (*snapshot)->state = Bytes();
  }
  if (state.last() >= last) return state;
  auto reader = log::Reader::open(directory, state.last().next(), last);
  if (!reader) return reader.error();
  while (true) {
    auto record = reader->next();
    if (!record) return record.error();
    if (!*record) break;
    if (auto applied = state.apply((*record)->lsn, (*record)->payload); !applied) {
      return with(fmt::format("record {}", (*record)->lsn.value), applied.error());
    }
  }
  return state;
}

Result<Activated> activate(const Config& config) {
  const auto started = std::chrono::steady_clock::now();
  auto directory = io::open_directory(config.data);
  if (!directory) return directory.error();
  if (auto locked = (*directory)->lock(); !locked) return locked.error();

  log::Identity fresh;
  fresh.incarnation = Incarnation{io::random_u64()};
  fresh.node = config.name;
  auto identity = log::IdentityFile::open(**directory, fresh);
  if (!identity) return with(config.data, identity.error());
  log::Identity self = identity->identity();
  if (self.node != config.name) {
    return Error{fmt::format("{} belongs to node {}, this is node {}", config.data, self.node, config.name),
                 Error::Kind::refused};
  }

  // R8: the boot id that the identity keeps is of the run that wrote the log's end; it is replaced only after recovery.
  log::Evidence evidence;
  evidence.machine_restarted = self.kernel_boot_id != io::kernel_boot_id();
  evidence.known_replicated = self.known_replicated;
  const auto base = log::snapshot_position(**directory);
  if (!base) return with(config.data, base.error());
  auto log = log::Log::open(**directory, config.log, evidence, base->value_or(Position{}));
  if (!log) return with(config.data, log.error());
  if ((*log)->recovery().torn_tail) trace::warn("torn tail cut: {}", *(*log)->recovery().torn_tail);
  auto state = replay(**directory, (*log)->end().lsn);
  if (!state) return with(config.data, state.error());

  // R10: the boot number is raised durably at each start.
  self.boot = self.boot.next();
  self.start_nonce = io::random_u64();
  self.kernel_boot_id = io::kernel_boot_id();
  if (auto saved = identity->save(self); !saved) return with("identity", saved.error());

  const auto took = std::chrono::steady_clock::now() - started;
  trace::info("{}: {} records, {} transactions open, recovered in {} ms", config.data, (*log)->end().lsn.value,
              state->open_count(), std::chrono::duration_cast<std::chrono::milliseconds>(took).count());

  ring::Replica replica((*log)->end(), self.sealed);
  control::EmbeddedStore store(**directory);
  if (auto formed = form_view(store, *identity, replica); !formed) return formed.error();
  return Activated{*std::move(directory), *std::move(log), *std::move(identity), *std::move(state), std::move(replica)};
}

}  // namespace torc::node
