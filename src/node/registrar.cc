#include "node/registrar.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "base/trace.h"

namespace torc::node {

namespace {

constexpr auto retry_after = std::chrono::milliseconds(50);
constexpr Milliseconds watch_for{500};

}  // namespace

Registrar::Registrar(control::Store& store, Mailbox<RingInput>& ring, bool watch)
    : store_(store), ring_(ring), thread_([this] { run(); }) {
  if (watch) watcher_ = std::thread([this] { this->watch(); });
}

Registrar::~Registrar() {
  ending_ = true;
  orders_.put(End{});
  thread_.join();
  if (watcher_.joinable()) watcher_.join();
}

void Registrar::activate(Turn::Activation activation) { orders_.put(std::move(activation)); }
void Registrar::note_replicated(View view, Lsn lsn) { orders_.put(Mark{view, lsn}); }

void Registrar::run() {
  ::pthread_setname_np(::pthread_self(), "torc-store");
  while (true) {
    for (Order& order : orders_.take()) {
      if (std::holds_alternative<End>(order)) return;
      if (const auto* activation = std::get_if<Turn::Activation>(&order)) settle(*activation);
      if (const auto* mark = std::get_if<Mark>(&order)) {
        if (const auto noted = store_.note_replicated(mark->view, mark->lsn); !noted) {
          trace::debug("control store: {}", noted.error().message);
        }
      }
    }
  }
}

// An unknown result is settled by a read; while that still shows the forming register, only another CAS can settle it.
void Registrar::settle(const Turn::Activation& activation) {
  for (bool said = false; !ending_; std::this_thread::sleep_for(retry_after)) {
    const auto swapped = store_.compare_and_swap(activation.version, activation.serving);
    const auto read = store_.read();
    if (read && read->value == activation.serving) return ring_.put(ViewActivated{*read});
    if (read && read->version != activation.version) return ring_.put(RegisterFound{*read});
    if (said) continue;
    said = true;
    trace::warn("view {} cannot be made serving yet: {}", activation.serving.number.value,
                !read     ? read.error().message
                : swapped ? "the control store is at odds with itself"
                          : swapped.error().message);
  }
}

void Registrar::watch() {
  ::pthread_setname_np(::pthread_self(), "torc-watch");
  std::uint64_t version = 0;
  while (!ending_) {
    auto found = store_.wait_newer(version, watch_for);
    if (!found) {
      std::this_thread::sleep_for(retry_after);
      continue;
    }
    if (found->version == version) continue;
    version = found->version;
    ring_.put(RegisterFound{*std::move(found)});
  }
}

}  // namespace torc::node
