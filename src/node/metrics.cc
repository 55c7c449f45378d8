#include "node/metrics.h"

#include <fmt/format.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <sstream>
#include <vector>

namespace torc::node {

namespace {

// The numbers that are stored as they stand; the order is that of `scalars`.
enum class Scalar : std::size_t {
  begun,
  committed,
  rolled_back,
  timed_out,
  parked,
  open,
  branches,
  lock_conflicts,
  lock_waits,
  lock_wait_grants,
  locks,
  phase_two_retries,
  connections,
  last_lsn,
  replicated_lsn,
  view,
  view_changes,
  replication_lag,
  links_up,
  forwarded,
  asked_again,
  disk_writable,
  disk_room,
  count,
};

struct Description {
  const char* name;
  prometheus::MetricType type;
  const char* help;
};

constexpr auto counter = prometheus::MetricType::Counter;
constexpr auto gauge = prometheus::MetricType::Gauge;

constexpr std::array<Description, static_cast<std::size_t>(Scalar::count)> scalars = {{
    {"torc_transactions_begun_total", counter, "Global transactions begun by this node as primary"},
    {"torc_transactions_committed_total", counter, "Global transactions that ended committed"},
    {"torc_transactions_rolled_back_total", counter, "Global transactions that ended rolled back, time-outs included"},
    {"torc_transactions_timed_out_total", counter, "Global transactions whose rollback was decided by their time-out"},
    {"torc_transactions_parked_total", counter, "Global transactions that were parked for a person to look at"},
    {"torc_transactions_open", gauge, "Global transactions that have not ended, parked ones included"},
    {"torc_branches_registered_total", counter, "Branches registered"},
    {"torc_lock_conflicts_total", counter,
     "Branch registrations that met a locked row, whether they then waited or not"},
    {"torc_lock_waits_total", counter, "Branch registrations that waited for a lock"},
    {"torc_lock_wait_grants_total", counter, "Branch registrations that got their locks after waiting"},
    {"torc_locks_held", gauge, "Rows that are locked"},
    {"torc_phase_two_retries_total", counter, "Phase-two requests that were repeated"},
    {"torc_connections", gauge, "Client connections"},
    {"torc_log_last_lsn", gauge, "Position of the last record appended"},
    {"torc_log_replicated_lsn", gauge, "Position up to which records are replicated; answers leave up to here"},
    {"torc_view_number", gauge, "Number of the view that this node has joined"},
    {"torc_view_changes_total", counter, "Views that this node has learnt of, the first one included"},
    {"torc_replication_lag_bytes", gauge, "As primary: log that the backup has not stored yet"},
    {"torc_links_up", gauge, "Other nodes that are linked to this one and answer"},
    {"torc_requests_forwarded_total", counter, "Requests of clients that were sent to a primary in another node"},
    {"torc_requests_asked_again_total", counter,
     "Requests of clients that were asked again, because the primary or the way to it had changed"},
    {"torc_disk_writable", gauge, "1 while the disk takes the log, 0 while new transactions are refused because of it"},
    {"torc_disk_room_bytes", gauge, "Bytes of log that are preallocated and unused"},
}};

const prometheus::Histogram::BucketBoundaries seconds_buckets = {
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const prometheus::Histogram::BucketBoundaries takeover_buckets = {0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5,
                                                                  0.75, 1,     1.5,  2,   3,   5,   10,  30};
const prometheus::Histogram::BucketBoundaries records_buckets = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096};
const prometheus::Histogram::BucketBoundaries bytes_buckets = {256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304};

prometheus::MetricFamily family(const char* name, prometheus::MetricType type, const char* help) {
  prometheus::MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  return made;
}

prometheus::MetricFamily number(const char* name, prometheus::MetricType type, const char* help, double value) {
  prometheus::MetricFamily made = family(name, type, help);
  auto& metric = made.metric.emplace_back();
  (type == counter ? metric.counter.value : metric.gauge.value) = value;
  return made;
}

prometheus::MetricFamily distribution(const char* name, const char* help, const prometheus::Histogram& histogram) {
  prometheus::MetricFamily made = family(name, prometheus::MetricType::Histogram, help);
  made.metric.push_back(histogram.Collect());
  return made;
}

#ifdef __clang__
constexpr const char* compiler = __VERSION__;
#else
constexpr const char* compiler = "GCC " __VERSION__;
#endif

prometheus::MetricFamily build() {
  prometheus::MetricFamily made = number("torc_build_info", gauge, "What this node was built from; always 1", 1);
  made.metric.front().label = {{"version", TORC_VERSION}, {"compiler", compiler}};
  return made;
}

// One of them is 1.
prometheus::MetricFamily roles(ring::Role role) {
  prometheus::MetricFamily made = family("torc_role", gauge, "1 for the role that this node has, 0 for the others");
  for (const ring::Role each : {ring::Role::idle, ring::Role::forming, ring::Role::primary, ring::Role::backup,
                                ring::Role::learner}) {
    auto& metric = made.metric.emplace_back();
    metric.label = {{"role", std::string(ring::name(each))}};
    metric.gauge.value = each == role ? 1 : 0;
  }
  return made;
}

std::string text_of(const std::vector<prometheus::MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

// The process, under the names that every Prometheus dashboard knows.
void add_process(double started, std::vector<prometheus::MetricFamily>& families) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  std::uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  const auto resident_bytes = static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  families.push_back(number("process_resident_memory_bytes", gauge, "Resident memory", resident_bytes));
  families.push_back(number("process_cpu_seconds_total", counter, "User and system CPU time",
                            seconds(used.ru_utime) + seconds(used.ru_stime)));
  families.push_back(
      number("process_start_time_seconds", gauge, "Start of the node since 1970, by the wall clock", started));
}

}  // namespace

struct Metrics::Contents {
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Scalar::count)> values{};
  prometheus::Histogram sync_seconds{seconds_buckets};
  prometheus::Histogram takeover_seconds{takeover_buckets};
  std::atomic<ring::Role> role = ring::Role::idle;
  View learnt;  // the ring thread's: the newest view that was counted
  prometheus::Histogram group_records{records_buckets};
  prometheus::Histogram group_bytes{bytes_buckets};
  const double started = static_cast<double>(std::time(nullptr));

  // Each number is right by itself; a reader may see one of this turn beside one of the last.
  void set(Scalar which, std::uint64_t value) {
    values[static_cast<std::size_t>(which)].store(value, std::memory_order_relaxed);
  }
  void add(Scalar which) { values[static_cast<std::size_t>(which)].fetch_add(1, std::memory_order_relaxed); }
};

Metrics::Metrics() : contents_(std::make_unique<Contents>()) { contents_->set(Scalar::disk_writable, 1); }
Metrics::~Metrics() = default;

void Metrics::record(const Turn& turn) {
  Contents& to = *contents_;
  const txn::Machine::Counters counted = turn.counters();
  to.set(Scalar::begun, counted.begun);
  to.set(Scalar::committed, counted.committed);
  to.set(Scalar::rolled_back, counted.rolled_back);
  to.set(Scalar::timed_out, counted.timed_out);
  to.set(Scalar::parked, counted.parked);
  to.set(Scalar::branches, counted.branches);
  to.set(Scalar::lock_conflicts, counted.lock_conflicts);
  to.set(Scalar::lock_waits, counted.lock_waits);
  to.set(Scalar::lock_wait_grants, counted.lock_wait_grants);
  to.set(Scalar::phase_two_retries, counted.phase_two_retries);
  if (const txn::State* state = turn.state()) {
    to.set(Scalar::open, state->open_count());
    to.set(Scalar::locks, state->lock_count());
  }
  to.set(Scalar::connections, turn.session().connection_count());
  to.set(Scalar::last_lsn, turn.replica().end().lsn.value);
  to.set(Scalar::replicated_lsn, turn.replica().replicated().value);
  to.set(Scalar::view, turn.replica().sealed().value);
  to.set(Scalar::replication_lag, turn.replica().backlog_bytes());
  to.set(Scalar::links_up, turn.links_up());
  to.set(Scalar::forwarded, turn.forwarding().requests);
  to.set(Scalar::asked_again, turn.forwarding().asked_again);
  to.role.store(turn.replica().role(), std::memory_order_relaxed);
  if (const auto& view = turn.view().value; view && view->number != to.learnt) {
    to.learnt = view->number;
    to.add(Scalar::view_changes);
  }
}

void Metrics::took_over(Duration took) {
  contents_->takeover_seconds.Observe(std::chrono::duration<double>(took).count());
}

void Metrics::synced(std::size_t records, std::size_t bytes, Duration took) {
  contents_->sync_seconds.Observe(std::chrono::duration<double>(took).count());
  contents_->group_records.Observe(static_cast<double>(records));
  contents_->group_bytes.Observe(static_cast<double>(bytes));
}

void Metrics::disk_room(std::uint64_t bytes) { contents_->set(Scalar::disk_room, bytes); }
void Metrics::writable(bool is) { contents_->set(Scalar::disk_writable, is ? 1 : 0); }

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> families;
  families.push_back(build());
  for (std::size_t i = 0; i < scalars.size(); ++i) {
    const auto value = contents_->values[i].load(std::memory_order_relaxed);
    families.push_back(number(scalars[i].name, scalars[i].type, scalars[i].help, static_cast<double>(value)));
  }
  families.push_back(roles(contents_->role.load(std::memory_order_relaxed)));
  families.push_back(distribution("torc_takeover_seconds",
                                  "How long clients of this node were not served while the view changed",
                                  contents_->takeover_seconds));
  families.push_back(
      distribution("torc_log_sync_seconds", "How long a group took from write to durable", contents_->sync_seconds));
  families.push_back(
      distribution("torc_log_group_records", "Records made durable by one sync", contents_->group_records));
  families.push_back(
      distribution("torc_log_group_bytes", "Payload bytes made durable by one sync", contents_->group_bytes));
  add_process(contents_->started, families);
  return text_of(families);
}

std::string control_metrics_text(const ControlNumbers& numbers) {
  const auto value = [](auto found) { return static_cast<double>(found); };
  return text_of({
      build(),
      number("torc_control_elected", gauge, "1 while this control module is the elected one", value(numbers.elected)),
      number("torc_control_view_number", gauge, "Number of the view in force", value(numbers.view)),
      number("torc_control_view_serving", gauge, "0 while the view in force forms", value(numbers.serving)),
      number("torc_control_view_changes_total", counter, "Changes of view since the start",
             value(numbers.view_changes)),
      number("torc_control_nodes_heard", gauge, "Nodes whose reports are young", value(numbers.nodes_heard)),
      number("torc_control_alarms", gauge, "Alarms that stand; /v1/ring has their words", value(numbers.alarms)),
  });
}

}  // namespace torc::node
